-- Looks at a schedule's entry and, where asked, sends what is due: compare, set and LPUSH in one step, so that of
-- any number of beats exactly one sends it, and whoever sends this script again sends nothing twice.
-- Before: the entry stands at `last`.  After: it stands at `time id`, and the message in its list.
-- An entry that nobody knows begins now, as in Celery: it is due for the first time after that.
-- KEYS schedule, and to send: list, binding, binding_permanent
-- ARGV entry, and to send: last, `time id`, message, binding member      Reply: {now, where the entry stands}
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
redis.call('HSETNX', KEYS[1], ARGV[1], now)
if #ARGV > 1 and redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('LPUSH', KEYS[2], ARGV[4])
  redis.call('SADD', KEYS[3], ARGV[5])
  redis.call('SADD', KEYS[4], ARGV[5])
end
return {now, redis.call('HGET', KEYS[1], ARGV[1])}
