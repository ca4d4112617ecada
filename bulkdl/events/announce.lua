-- Tells a job's owner what became of it, and lets no later progress contradict it.
--
-- The key space:
--
--     KEYS[1]  <prefix>:progress:<job id>    hash, as progress.lua draws it
--       seq                    raised to the event's
--       ended                  set by an end: progress.lua then refuses
--
--     ARGV[1]  <prefix>:events:<db>:<user id>  channel of the job's owner
--     ARGV[2]  the event as the wire has it (JSON)
--     ARGV[3]  the event's seq
--     ARGV[4]  1: the job will not move again
--     ARGV[5]  seconds until the hash is forgotten
--
-- Returns how many processes listened.

local seq = tonumber(redis.call("HGET", KEYS[1], "seq") or nil) or 0
redis.call("HSET", KEYS[1], "seq", string.format("%.0f", math.max(seq, tonumber(ARGV[3]))))
if ARGV[4] == "1" then
  redis.call("HSET", KEYS[1], "ended", "1")
end
redis.call("EXPIRE", KEYS[1], ARGV[5])
return redis.call("PUBLISH", ARGV[1], ARGV[2])
