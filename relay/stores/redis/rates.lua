-- Rate limits of addresses: a token bucket for each network (relay/guard/buckets.py).
--
-- A bucket is a string, its tokens and when there were so many, which ends when the bucket is full:
-- then it is as if nothing had been taken. `full:…` lists those of a kind by that time: beyond the
-- bound the one that is full soonest goes.

-- Seconds that one counts at most, also if it is never full; and that its key lasts longer than it
-- counts, for what is sooner done by `bounded`.
local LONGEST, MARGIN = 86400, 60
-- How many full ones a step drops.
local BATCH = 100

local function tokens_of(kind, network, burst, per_second)
  local kept = call('GET', kind .. ':' .. network)
  if not kept then
    return burst
  end
  local tokens, at = kept:match('^(%S+) (%S+)$')
  return math.min(burst, tokens + math.max(0, time - at) * per_second)
end

local function keep(kind, network, tokens, burst, per_second)
  local name, list = kind .. ':' .. network, 'full:' .. kind
  if tokens >= burst then
    call('DEL', name)
    call('ZREM', list, network)
    return
  end
  local wait = math.min(LONGEST, (burst - tokens) / per_second)
  call('SET', name, string.format('%.17g %.17g', tokens, time), 'EX', math.ceil(wait) + MARGIN)
  call('ZADD', list, time + wait, network)
end

local function drop(kind, networks)
  for _, network in ipairs(networks) do
    call('ZREM', 'full:' .. kind, network)
    call('DEL', kind .. ':' .. network)
  end
end

local function bounded(kind)
  local list = 'full:' .. kind
  drop(kind, call('ZRANGEBYSCORE', list, '-inf', time, 'LIMIT', 0, BATCH))
  local beyond = call('ZCARD', list) - LIMITS.max_addresses
  if beyond > 0 then
    drop(kind, call('ZRANGE', list, 0, beyond - 1))
  end
  call('EXPIRE', list, LONGEST + MARGIN)
end

-- Take tokens of each network, if all have as many; a negative count gives back.
local function take(kind, burst, per_second, count, networks)
  local tokens = {}
  for place = 1, #networks, 2 do
    local share = networks[place + 1]
    tokens[place] = tokens_of(kind, networks[place], burst * share, per_second * share)
    if tokens[place] < count then
      return 0
    end
  end
  for place = 1, #networks, 2 do
    local share = networks[place + 1]
    keep(kind, networks[place], tokens[place] - count, burst * share, per_second * share)
  end
  bounded(kind)
  return 1
end

function steps.take(kind, burst, per_second, count, ...)
  return { 'ok', take(kind, tonumber(burst), tonumber(per_second), tonumber(count), { ... }) }
end

return steps[ARGV[1]](unpack(ARGV, 2))
