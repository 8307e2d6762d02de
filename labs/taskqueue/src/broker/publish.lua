-- Writes one message, once, or not at all.
-- Before: the caller made the message.  After: it stands in its list, and Celery knows the queue.
-- KEYS list, published, binding, binding_permanent, sent_once
-- ARGV message, delivery tag, binding member, deadline, most ('' is no limit), once: a task's id, or ''
-- Reply: 'sent'; 'late' when the deadline has passed, so that a caller who gave up is right; 'full'; 'known' when
-- a task of that id was sent before, by whomever.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
if now > tonumber(ARGV[4]) then
  return 'late'
end
-- A caller that lost the answer sends again; the tag tells that it is the same message.
local again = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not again and ARGV[6] ~= '' and redis.call('ZSCORE', KEYS[5], ARGV[6]) then
  return 'known'
end
if not again and ARGV[5] ~= '' and redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[5]) then
  return 'full'
end
if not again then
  redis.call('ZADD', KEYS[2], now, ARGV[2])
  redis.call('LPUSH', KEYS[1], ARGV[1])
  redis.call('SADD', KEYS[3], ARGV[3])
  redis.call('SADD', KEYS[4], ARGV[3])
  if ARGV[6] ~= '' then
    -- As long as a result stays, and bounded where many are sent.
    redis.call('ZADD', KEYS[5], now, ARGV[6])
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - 86400)
    redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -100001)
    redis.call('EXPIRE', KEYS[5], 86400)
  end
end
-- Nobody sends again after the deadline, so two seconds are enough to remember.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 2)
redis.call('EXPIRE', KEYS[2], 2)
return 'sent'
