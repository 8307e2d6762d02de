-- Ends deliveries: result, acknowledgement and what follows in one step, many at a time.
-- Before: each tag stands in `unacked`.  After: it does not, its result is stored and announced, and what follows is sent.
-- KEYS unacked, unacked_index, unacked_retried, then for each what `key` takes   ARGV for each what `arg` takes
-- Reply: for each, 1 where the tag was still ours; without a tag, 1 where this is sent, now or before.
local next_key, next_arg = 3, 0
local function key() next_key = next_key + 1 return KEYS[next_key] end
local function arg() next_arg = next_arg + 1 return ARGV[next_arg] end

-- Each has one right to send: a tag that still stands in `unacked`; early acknowledged, a name that was not seen in
-- the last hour; a chord's body, the claim. (The claim that ran out while the size is there is anyone's, as in Celery.)
local rights = {
  tag = function(tag)
    local held = redis.call('HDEL', KEYS[1], tag)
    redis.call('ZREM', KEYS[2], tag)
    return held == 1
  end,
  once = function(name)
    local now = redis.call('TIME')[1]
    local new = redis.call('ZADD', KEYS[3], 'NX', now, name)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - 3600)
    redis.call('EXPIRE', KEYS[3], 3600)
    return new == 1
  end,
  claim = function(token)
    local claim, size = key(), key()
    local owner = redis.call('GET', claim)
    local ours = owner == token or (not owner and redis.call('EXISTS', size) == 1)
    if ours then
      redis.call('DEL', size)
      redis.call('SET', claim, 'done', 'EX', 300)
    end
    return ours
  end,
  none = function() return false end,
}

local function store(result, document, ttl)
  -- As in Celery, a success stands: a second run of the same task can't take it back.
  local old = redis.pcall('GET', result)
  if type(old) ~= 'string' or string.sub(old, 1, 21) ~= '{"status": "SUCCESS",' then
    redis.call('SETEX', result, ttl, document)
    redis.call('PUBLISH', result, document)
  end
end

local function follow(ours, ttl)
  -- Without the right, what follows is only passed over.
  local call = ours and redis.call or function() end
  local store = ours and store or function() end
  for _ = 1, tonumber(arg()) do
    local list, binding, permanent, message, member = key(), key(), key(), arg(), arg()
    call('LPUSH', list, message)
    call('SADD', binding, member)
    call('SADD', permanent, member)
  end
  for _ = 1, tonumber(arg()) do
    store(key(), arg(), ttl)
  end
  for _ = 1, tonumber(arg()) do
    call('DEL', key())
  end
  for _ = 1, tonumber(arg()) do
    call('SETEX', key(), ttl, arg())
  end
end

-- ZREM comes first: at `maxmemory` a script may write once it has begun to free, and nothing has an empty tag.
-- A result without an acknowledgement, as after an early one, would be refused otherwise, and all that follow it.
redis.call('ZREM', KEYS[2], '')
local reply = {}
while next_arg < #ARGV do
  local right, ttl = arg(), arg()
  local ours = rights[right](arg())
  if arg() == 'result' then
    store(key(), arg(), ttl)
  end
  if arg() == 'follows' then
    follow(ours, ttl)
  end
  reply[#reply + 1] = (ours or right == 'once') and 1 or 0
end
return reply
