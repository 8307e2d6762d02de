-- Lets a task wait for its ETA in Redis instead of in a worker's memory.
-- Before: the tag stands in `unacked`, leased.  After: it stands there with its ETA for a score, which Celery's
-- workers leave alone until then, and in `unacked_eta`, where ours find it when it is due.
-- KEYS unacked, unacked_index, unacked_eta   ARGV tag, eta      Reply: 1 where the tag was still ours.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return 0
end
-- ZREM comes first: at `maxmemory` a script may write once it has begun to free.
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
return 1
