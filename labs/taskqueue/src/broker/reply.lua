-- Answers one who asked by remote control, if he still waits: kombu's direct exchange, for one queue.
-- KEYS binding of the reply exchange, reply queue   ARGV binding member, message
-- Reply: 1 where the queue is bound and has the answer.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('LPUSH', KEYS[2], ARGV[2])
-- Who asks removes the queue himself; an answer that comes later must not stay for ever.
redis.call('EXPIRE', KEYS[2], 60)
return 1
