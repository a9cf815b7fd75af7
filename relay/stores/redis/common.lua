-- The head of each store's script: keys that all end, and entries that are listed by their beginning.
-- In front of it are `now`, the seconds of the server's clock, and LIMITS, the bounds of the relay.
-- Each call is one step. KEYS[1] is what all keys of the store begin with, its hash tag: on a cluster
-- they are of one slot. ARGV[1] names the step, and the rest are its arguments.

-- Seconds that a table outlives the last step of any process; each step begins them anew, so that
-- tables that belong together end together. What is in a table ends sooner, by its own times.
local LASTS = 3600

local time = now()
local steps = {}

local function key(name)
  return KEYS[1] .. ':' .. name
end

local function call(command, name, ...)
  return redis.call(command, key(name), ...)
end

-- Take the step that is called. adding_nothing: the steps after which no table is new.
local function take_step(tables, adding_nothing)
  local done = steps[ARGV[1]](unpack(ARGV, 2))
  if not adding_nothing[ARGV[1]] then
    for _, name in ipairs(tables) do
      call('EXPIRE', name, LASTS)
    end
  end
  return done
end

-- A sorted set of scores 0 that lists pairs, by the first of each. Ids hold no zero byte.

local function pair(one, other)
  return one .. '\0' .. other
end

local function add_pair(name, one, other)
  call('ZADD', name, 0, pair(one, other))
end

local function remove_pair(name, one, other)
  call('ZREM', name, pair(one, other))
end

local function has_pair(name, one, other)
  return call('ZSCORE', name, pair(one, other)) and true
end

local function count_of(name, one)
  return call('ZLEXCOUNT', name, '[' .. one .. '\0', '(' .. one .. '\1')
end

-- The others in pairs of this one, at most so many.
local function others_of(name, one, most)
  local found = call(
    'ZRANGEBYLEX', name, '[' .. one .. '\0', '(' .. one .. '\1', 'LIMIT', 0, most or -1)
  for place, entry in ipairs(found) do
    found[place] = entry:sub(#one + 2)
  end
  return found
end

-- Counts by network. networks: name, share, name, share and so on.

local function has_room(name, before, networks, bound)
  for place = 1, #networks, 2 do
    local there = tonumber(call('HGET', name, before .. networks[place]) or 0)
    if there >= bound * networks[place + 1] then
      return false
    end
  end
  return true
end

local function count_up(name, before, networks)
  for place = 1, #networks, 2 do
    call('HINCRBY', name, before .. networks[place], 1)
  end
end

local function count_down(name, field)
  local left = call('HINCRBY', name, field, -1)
  if left <= 0 then
    call('HDEL', name, field)
  end
  return left
end

local function count_all_down(name, before, networks)
  for place = 1, #networks, 2 do
    count_down(name, before .. networks[place])
  end
end
