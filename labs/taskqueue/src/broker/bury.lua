-- Puts a message aside that can't be run.
-- Before: the tag stands in `unacked`.  After: the message stands in `<queue>.dead`, with its reason; the newest 10,000
-- stand there, until 7 days after the last of them came.
-- KEYS unacked, unacked_index, unacked_eta, dead list   ARGV tag, {"reason", "date", "message"} as JSON
-- Reply: 1 where it was put aside; 0 where somebody else was first.
local held = redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if held == 1 then
  redis.call('LPUSH', KEYS[4], ARGV[2])
  redis.call('LTRIM', KEYS[4], 0, 9999)
  redis.call('EXPIRE', KEYS[4], 604800)
end
return held
