-- Stores REVOKED for a task that nobody has begun or ended.
-- KEYS result   ARGV document, seconds to keep it      Reply: 1 where it was stored.
local old = redis.pcall('GET', KEYS[1])
local status = type(old) == 'string' and string.match(old, '^{"status": "(%u+)"') or 'PENDING'
if status == 'PENDING' or status == 'RECEIVED' or status == 'RETRY' or status == 'REJECTED' then
  redis.call('SETEX', KEYS[1], ARGV[2], ARGV[1])
  redis.call('PUBLISH', KEYS[1], ARGV[1])
  return 1
end
return 0
