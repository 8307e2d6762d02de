-- Sends a failed task again: acknowledgement, new message and RETRY in one step.
-- Before: the tag stands in `unacked`, unless it was acknowledged early.  After: the new message stands in its list.
-- (Celery publishes first and acknowledges then; a worker that dies in between leaves two messages.)
-- KEYS unacked, unacked_index, list, result, unacked_retried
-- ARGV tag ('' when acknowledged early), message, its delivery tag, result ('' is none), seconds to keep it
-- Reply: 1 where the task was ours to send again.
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free, and nothing has an empty tag.
redis.call('ZREM', KEYS[2], '')
if ARGV[1] ~= '' then
  if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
  end
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  -- Nothing in `unacked` tells whether this was sent before; for an hour, this does.
  local now = redis.call('TIME')[1]
  if redis.call('ZADD', KEYS[5], 'NX', now, ARGV[3]) == 0 then
    return 1
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - 3600)
  redis.call('EXPIRE', KEYS[5], 3600)
end
redis.call('LPUSH', KEYS[3], ARGV[2])
if ARGV[4] ~= '' then
  redis.call('SETEX', KEYS[4], ARGV[5], ARGV[4])
  redis.call('PUBLISH', KEYS[4], ARGV[4])
end
return 1
