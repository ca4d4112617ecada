-- Notes how far one range of a job has come and, at most every so often, tells the job's owner.
--
-- The key space:
--
--     KEYS[1]  <prefix>:progress:<job id>             hash, forgotten a day after the last write
--       files:<n>  bytes:<n>    what range n has done; neither ever shrinks
--       files      bytes        the sums over all ranges
--       total      bytes_total  what there is to do
--       rate                    bytes a second, an exponentially weighted average over the whole job
--       rate_at    rate_bytes   when the rate was last worked out (ms), and from which sum
--       published_at            when the owner was last told (ms)
--       seq                     hybrid clock: max(last + 1, now in ms)
--       ended                   set with the job's end (announce.lua): whoever still reports is too late
--
--     ARGV[1]  <prefix>:events:<db>:<user id>         channel of the job's owner; carries the wire's own JSON
--     ARGV[2]  job id                                 ARGV[6]  files in the whole job
--     ARGV[3]  range number                           ARGV[7]  bytes in the whole job
--     ARGV[4]  files done in the range, cumulative    ARGV[8]  1: tell the owner whatever the time
--     ARGV[5]  bytes done in the range, cumulative    ARGV[9]  least ms between two tellings
--                                                     ARGV[10] seconds until the hash is forgotten
--                                                     ARGV[11] ms that the average looks back
--
-- Returns 1 when the owner was told, else 0.

local key = KEYS[1]
local channel, job_id, range = ARGV[1], ARGV[2], ARGV[3]
local total, bytes_total = tonumber(ARGV[6]), tonumber(ARGV[7])
local is_forced, interval_ms = ARGV[8] == "1", tonumber(ARGV[9])
local ttl_s, window_ms = ARGV[10], tonumber(ARGV[11])

-- tostring() writes large numbers as 1.7e+12.
local function whole(number)
  return string.format("%.0f", number)
end

local clock = redis.call("TIME")
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local names = {
  "files:" .. range, "bytes:" .. range, "files", "bytes",
  "seq", "published_at", "rate", "rate_at", "rate_bytes", "ended",
}
local values = redis.call("HMGET", key, unpack(names))
local was = {}
for i, name in ipairs(names) do
  was[name] = tonumber(values[i] or nil)
end
if was["ended"] then
  return 0
end

local range_files = math.max(was["files:" .. range] or 0, tonumber(ARGV[4]))
local range_bytes = math.max(was["bytes:" .. range] or 0, tonumber(ARGV[5]))
local files = (was["files"] or 0) + range_files - (was["files:" .. range] or 0)
local bytes = (was["bytes"] or 0) + range_bytes - (was["bytes:" .. range] or 0)
local seq = math.max((was["seq"] or 0) + 1, now)

local function write(...)
  redis.call("HSET", key,
    "files:" .. range, whole(range_files), "bytes:" .. range, whole(range_bytes),
    "files", whole(files), "bytes", whole(bytes),
    "total", whole(total), "bytes_total", whole(bytes_total), "seq", whole(seq), ...)
  redis.call("EXPIRE", key, ttl_s)
end

local elapsed = now - (was["published_at"] or 0)
-- A clock that was set back must not silence the job.
if not is_forced and elapsed >= 0 and elapsed < interval_ms then
  write()
  return 0
end

local rate = was["rate"]
if was["rate_at"] and now > was["rate_at"] then
  local since = now - was["rate_at"]
  local latest = (bytes - was["rate_bytes"]) * 1000 / since
  local weight = 1 - math.exp(-since / window_ms)
  rate = rate and rate + weight * (latest - rate) or latest
end

if rate then
  write("published_at", whole(now), "rate_at", whole(now), "rate_bytes", whole(bytes), "rate", whole(rate))
else
  write("published_at", whole(now), "rate_at", whole(now), "rate_bytes", whole(bytes))
end

-- A plan made anew may hold less than what an earlier one had done.
local shown_files, shown_bytes = math.min(files, total), math.min(bytes, bytes_total)
local percent = 0
if bytes_total > 0 then
  percent = math.floor(shown_bytes * 100 / bytes_total)
elseif total > 0 then
  percent = math.floor(shown_files * 100 / total)
end
local eta = rate and rate >= 1 and string.format("%.1f", (bytes_total - shown_bytes) / rate) or "null"

redis.call("PUBLISH", channel, string.format(
  '{"event":"bulk-download:progress","data":{"jobId":%s,"seq":%s,"status":"processing","current":%s,"total":%s,' ..
  '"percent":%s,"bytesDone":%s,"bytesTotal":%s,"bytesPerSecond":%s,"etaSeconds":%s}}',
  cjson.encode(job_id), whole(seq), whole(shown_files), whole(total),
  whole(math.min(99, percent)), whole(shown_bytes), whole(bytes_total), rate and whole(rate) or "null", eta))
return 1
