-- Tells a job's owner what became of it, and lets no later progress contradict it.
--
-- The key space:
--
--     KEYS[1]  <prefix>:progress:<job id>    hash, as progress.lua draws it
--       seq                    raised to the event's
--       ended                  seq of the end that was told: it is told once, and progress.lua refuses
--
--     ARGV[1]  <prefix>:events:<db>:<user id>  channel of the job's owner
--     ARGV[2]  the event as the wire has it (JSON)
--     ARGV[3]  the event's seq
--     ARGV[4]  1: the job will not move again
--     ARGV[5]  seconds until the hash is forgotten
--
-- Returns 1 when the owner was told, 0 when that had been done before: by the worker, say, whose note of it in
-- the job's row the sweep did not see yet.

local is_end = ARGV[4] == "1"
if is_end and redis.call("HGET", KEYS[1], "ended") == ARGV[3] then
  return 0
end
local seq = tonumber(redis.call("HGET", KEYS[1], "seq") or nil) or 0
redis.call("HSET", KEYS[1], "seq", string.format("%.0f", math.max(seq, tonumber(ARGV[3]))))
if is_end then
  redis.call("HSET", KEYS[1], "ended", ARGV[3])
end
redis.call("EXPIRE", KEYS[1], ARGV[5])
redis.call("PUBLISH", ARGV[1], ARGV[2])
return 1
