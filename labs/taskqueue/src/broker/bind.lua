-- Notes for kombu which queues there are, so that `celery list bindings` and its producers know them.
-- KEYS for each queue: binding, binding_permanent   ARGV for each queue: its member
for i, member in ipairs(ARGV) do
  redis.call('SADD', KEYS[2 * i - 1], member)
  redis.call('SADD', KEYS[2 * i], member)
end
return redis.status_reply('OK')
