-- People: nameplates, places, rooms, and the processes whose connections they are.

-- Seconds without a sign of a process after which its people are lost.
local ALIVE = 15
-- What one step of a sweep ends at most, as everybody else waits for it.
local BATCH, BATCH_OF_PEOPLE = 500, 50
-- As relay/stores/memory/nameplates.py has them.
local DIGITS, SPARSE = { 4, 5, 6 }, 10

local TABLES = {
  'processes', -- of those alive: until when, unless they give a sign
  'dead', -- of those whose people are being removed
  'swept', -- when a sweep came by last
  'people', -- process and person
  'waiting', -- nameplate: when it expires
  'owners', -- nameplate: person
  'rests', -- nameplate: seconds
  'held', -- person: nameplate
  'past', -- nameplate: when it is free again
  'fates', -- nameplate: the code of a refusal
  'digits', -- how many nameplates of this length there are
  'places', -- place: when waiting there ends
  'at', -- place: person
  'networks', -- place: those of the person's address, with their shares
  'crowd', -- network: places
  'whose', -- person and place
  'rooms', -- room: the one who waited, and the one who came
  'in', -- person and room
  'unproven', -- room: the claimer's address
}

local function refused(code)
  return { 'refused', code }
end

-- Note that a person has something here, who is lost with their process; false where that has been
-- lost itself. fresh: whether the process has just begun.
local function enter(process, fresh, person)
  if fresh == '1' then
    call('ZADD', 'processes', time + ALIVE, process)
  elseif not call('ZSCORE', 'processes', process) then
    return false
  end
  add_pair('people', process, person)
  return true
end

-- Seconds for which an answer that holds notices is kept, for who asks again.
local REMEMBERED = 60

-- Return the same answer to who takes a step again. name: the step's own.
local function once(name, act)
  local kept = call('GET', 'answer:' .. name)
  if kept then
    return cmsgpack.unpack(kept)
  end
  local answer = act()
  for _, notices in ipairs(answer) do
    if type(notices) == 'table' and #notices > 0 then
      call('SET', 'answer:' .. name, cmsgpack.pack(answer), 'EX', REMEMBERED)
      break
    end
  end
  return answer
end

-- Nameplates

local function is_crowded(digits)
  local numbers = 10 ^ digits - 10 ^ (digits - 1)
  return ((call('HGET', 'digits', digits) or 0) + 1) * SPARSE > numbers
end

local function is_free(nameplate)
  return not call('ZSCORE', 'waiting', nameplate) and not call('ZSCORE', 'past', nameplate)
end

local function draw(chances)
  for _, digits in ipairs(DIGITS) do
    if not is_crowded(digits) then
      local least = 10 ^ (digits - 1)
      for _, chance in ipairs(chances) do
        local nameplate = string.format('%d', least + chance % (9 * least))
        if is_free(nameplate) then
          return nameplate
        end
      end
    end
  end
end

local function forget(nameplate)
  call('ZREM', 'past', nameplate)
  call('HDEL', 'fates', nameplate)
  count_down('digits', #nameplate)
end

local function end_nameplate(nameplate, fate)
  call('HDEL', 'held', call('HGET', 'owners', nameplate))
  call('ZADD', 'past', time + call('HGET', 'rests', nameplate), nameplate)
  call('HSET', 'fates', nameplate, fate)
  call('ZREM', 'waiting', nameplate)
  call('HDEL', 'owners', nameplate)
  call('HDEL', 'rests', nameplate)
  if call('ZCARD', 'past') > LIMITS.max_remembered then
    forget(call('ZRANGE', 'past', 0, 0)[1])
  end
end

local function release(person)
  local nameplate = call('HGET', 'held', person)
  if nameplate then
    end_nameplate(nameplate, 'withdrawnCode')
  end
end

function steps.allocate(process, fresh, person, lifetime, rest, wanted, ...)
  if not enter(process, fresh, person) then
    return { 'forgotten' }
  end
  if call('ZCARD', 'waiting') >= LIMITS.max_nameplates then
    return refused('relayFull')
  end
  release(person)
  local nameplate = wanted
  if wanted == '' then
    nameplate = draw({ ... })
    if not nameplate then
      return refused('relayFull')
    end
  elseif is_crowded(#wanted) or not is_free(wanted) then
    return refused('nameplateTaken')
  end
  call('HINCRBY', 'digits', #nameplate, 1)
  call('ZADD', 'waiting', time + lifetime, nameplate)
  call('HSET', 'owners', nameplate, person)
  call('HSET', 'rests', nameplate, rest)
  call('HSET', 'held', person, nameplate)
  return { 'ok', nameplate }
end

function steps.release(person)
  release(person)
  return { 'ok' }
end

-- Rooms

local function both_of(room)
  local both = call('HGET', 'rooms', room)
  if both then
    local gap = both:find('\0', 1, true)
    return both:sub(1, gap - 1), both:sub(gap + 1)
  end
end

-- The other person in a room, and whether they are the one who came; nil for who is not in it.
local function other_in(room, person)
  local waited, came = both_of(room)
  if waited == person then
    return came, true
  elseif came == person then
    return waited, false
  end
end

local function open(room, waited, came)
  for _, person in ipairs({ waited, came }) do
    if count_of('in', person) >= LIMITS.max_person_rooms then
      return false
    end
  end
  call('HSET', 'rooms', room, pair(waited, came))
  add_pair('in', waited, room)
  add_pair('in', came, room)
  return true
end

local function end_room(room, person)
  local other = other_in(room, person)
  call('HDEL', 'rooms', room)
  call('HDEL', 'unproven', room)
  remove_pair('in', person, room)
  remove_pair('in', other, room)
  return other
end

function steps.claim(process, fresh, person, address, nameplate, room)
  if not enter(process, fresh, person) then
    return { 'forgotten' }
  end
  local there = other_in(room, person)
  if there then -- it was, just before
    return { 'ok', there }
  end
  local expires = call('ZSCORE', 'waiting', nameplate)
  if not expires then
    return refused(call('HGET', 'fates', nameplate) or 'unknownCode')
  end
  local owner = call('HGET', 'owners', nameplate)
  if owner == person then
    return refused('ownCode')
  elseif tonumber(expires) <= time then
    return refused('expiredCode')
  elseif not open(room, owner, person) then
    return refused('tooManyRooms')
  end
  end_nameplate(nameplate, 'usedCode')
  release(person)
  call('HSET', 'unproven', room, address)
  return { 'ok', owner }
end

function steps.route(person, room, proves)
  local other, came = other_in(room, person)
  if not other then
    return refused('notPaired')
  end
  local proven = proves == '1' and came and call('HGET', 'unproven', room)
  if proven then
    call('HDEL', 'unproven', room)
  end
  return { 'ok', other, proven or nil }
end

function steps.share_room(person, other)
  for _, room in ipairs(others_of('in', person)) do
    if other_in(room, person) == other then
      return { 'ok', 1 }
    end
  end
  return { 'ok', 0 }
end

function steps.is_paired(person)
  for _, room in ipairs(others_of('in', person)) do
    if call('HEXISTS', 'unproven', room) == 0 then
      return { 'ok', 1 }
    end
  end
  return { 'ok', 0 }
end

function steps.leave(name, person, room)
  return once(name, function()
    return { 'ok', other_in(room, person) and { end_room(room, person) } or {} }
  end)
end

-- Places

local function end_place(place)
  local person = call('HGET', 'at', place)
  count_all_down('crowd', '', cmsgpack.unpack(call('HGET', 'networks', place)))
  call('ZREM', 'places', place)
  call('HDEL', 'at', place)
  call('HDEL', 'networks', place)
  remove_pair('whose', person, place)
  return person
end

function steps.meet(process, fresh, person, place, lifetime, room, ...)
  local networks = { ... }
  if not enter(process, fresh, person) then
    return { 'forgotten' }
  end
  local met = other_in(room, person)
  if met then -- just before
    return { 'ok', met }
  end
  local there = call('HGET', 'at', place)
  if there and there ~= person and tonumber(call('ZSCORE', 'places', place)) > time then
    if not open(room, there, person) then
      return refused('tooManyRooms')
    end
    end_place(place)
    return { 'ok', there }
  end
  if there then
    end_place(place)
  end
  if count_of('whose', person) >= LIMITS.max_person_places then
    return refused('tooManyPlaces')
  elseif
    call('ZCARD', 'places') >= LIMITS.max_places
    or not has_room('crowd', '', networks, LIMITS.max_address_places)
  then
    return refused('relayFull')
  end
  call('ZADD', 'places', time + lifetime, place)
  call('HSET', 'at', place, person)
  call('HSET', 'networks', place, cmsgpack.pack(networks))
  add_pair('whose', person, place)
  count_up('crowd', '', networks)
  return { 'ok' }
end

function steps.leave_place(person, place)
  if call('HGET', 'at', place) == person then
    end_place(place)
  end
  return { 'ok' }
end

-- Ends

-- Remove a person. parted: gets those who were in a room with them, each with the room.
local function remove(person, parted)
  release(person)
  for _, place in ipairs(others_of('whose', person)) do
    end_place(place)
  end
  for _, room in ipairs(others_of('in', person)) do
    parted[#parted + 1] = end_room(room, person)
    parted[#parted + 1] = room
  end
end

function steps.lost(name, process, person)
  return once(name, function()
    local parted = {}
    remove(person, parted)
    remove_pair('people', process, person)
    return { 'ok', parted }
  end)
end

-- Note that a process is alive; false where its people have been lost.
local function sign(process, fresh)
  if fresh == '0' and not call('ZSCORE', 'processes', process) then
    return false
  end
  call('ZADD', 'processes', time + ALIVE, process)
  return true
end

-- Take processes that gave no sign for dead. Where nobody gave one, it was the server that was away.
local function bury()
  local swept = tonumber(call('GET', 'swept') or 0)
  call('SET', 'swept', time)
  for _, process in ipairs(call('ZRANGEBYSCORE', 'processes', '-inf', time)) do
    if time - swept > ALIVE / 2 then
      call('ZADD', 'processes', time + ALIVE, process)
    else
      call('ZREM', 'processes', process)
      call('ZADD', 'dead', time, process)
    end
  end
end

-- Remove people of dead processes; whether there may be more.
local function remove_dead(parted)
  local process = call('ZRANGE', 'dead', 0, 0)[1]
  if not process then
    return false
  end
  local people = others_of('people', process, BATCH_OF_PEOPLE)
  for _, person in ipairs(people) do
    remove(person, parted)
    remove_pair('people', process, person)
  end
  if #people < BATCH_OF_PEOPLE then
    call('ZREM', 'dead', process)
  end
  return true
end

local function over(name)
  return call('ZRANGEBYSCORE', name, '-inf', time, 'LIMIT', 0, BATCH)
end

local function sweep()
  local nameplates, places, parted = {}, {}, {}
  local expired, ended, rested = over('waiting'), over('places'), over('past')
  for _, nameplate in ipairs(expired) do
    nameplates[#nameplates + 1] = call('HGET', 'owners', nameplate)
    nameplates[#nameplates + 1] = nameplate
    end_nameplate(nameplate, 'expiredCode')
  end
  for _, nameplate in ipairs(rested) do
    -- The memory of past ones is bounded: it may be out of it by now.
    if call('ZSCORE', 'past', nameplate) then
      forget(nameplate)
    end
  end
  for _, place in ipairs(ended) do
    places[#places + 1] = end_place(place)
    places[#places + 1] = place
  end
  local more = remove_dead(parted) or math.max(#expired, #ended, #rested) == BATCH
  return { 'ok', more and 1 or 0, nameplates, places, parted }
end

function steps.expire(process, fresh, name)
  if not sign(process, fresh) then
    return { 'forgotten' }
  end
  bury()
  return once(name, sweep)
end

function steps.totals()
  return { 'ok', call('ZCARD', 'waiting'), call('ZCARD', 'places'), call('HLEN', 'rooms') }
end

return take_step(TABLES, { route = true, share_room = true, is_paired = true, totals = true })
