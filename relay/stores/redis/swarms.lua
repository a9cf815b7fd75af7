-- Swarms: their peers, and whom an announce or an answer is for.
--
-- A membership is an infohash and a peer id, 40 bytes, so that one set lists those of every swarm.

-- What one step of a sweep ends at most, as everybody else waits for it.
local BATCH = 500
-- Order of those that joined: so many fit beside a count in a score.
local TURNS = 2 ^ 36

local TABLES = {
  'peers', -- membership: the peer
  'in', -- memberships, in order of their bytes
  'through', -- socket and membership
  'expires', -- membership: when
  'held', -- holder and turn, with the membership: the least recently announced first
  'holders', -- holder: how many it has; of as many, who joined first has a little more
  'crowd', -- network: memberships
  'near', -- infohash and network: memberships
  'swarms', -- infohash: peers
  'complete', -- infohash: complete peers
  'downloaded', -- infohash: how often a peer completed
  'turns', -- announces so far
}

local function read(membership)
  local kept = call('HGET', 'peers', membership)
  return kept and cmsgpack.unpack(kept)
end

local function write(membership, peer)
  call('HSET', 'peers', membership, cmsgpack.pack(peer))
end

local function turn_of(peer, membership)
  return string.format('%015d', peer.turn) .. membership
end

-- The widest network of an address, under which its peers are counted for eviction.
local function holder_of(peer)
  return peer.networks[#peer.networks - 1]
end

local function members_of(info_hash)
  return call('ZRANGEBYLEX', 'in', '[' .. info_hash, '(' .. info_hash .. ('\255'):rep(21))
end

local function figures(info_hash)
  local complete = tonumber(call('HGET', 'complete', info_hash) or 0)
  local peers = tonumber(call('HGET', 'swarms', info_hash) or 0)
  return complete, peers - complete, tonumber(call('HGET', 'downloaded', info_hash) or 0)
end

local function remove(membership)
  local peer, info_hash = read(membership), membership:sub(1, 20)
  local holder = holder_of(peer)
  call('HDEL', 'peers', membership)
  call('ZREM', 'in', membership)
  call('ZREM', 'expires', membership)
  remove_pair('through', peer.socket, membership)
  remove_pair('held', holder, turn_of(peer, membership))
  if call('ZINCRBY', 'holders', -1, holder) + 0 < 1 then
    call('ZREM', 'holders', holder)
  end
  count_all_down('crowd', '', peer.networks)
  count_all_down('near', info_hash, peer.networks)
  if peer.complete == 1 then
    count_down('complete', info_hash)
  end
  if count_down('swarms', info_hash) <= 0 then
    call('HDEL', 'downloaded', info_hash)
  end
end

-- A new peer; nil where its address has too many already.
local function join(membership, socket, address, secret, networks)
  local info_hash = membership:sub(1, 20)
  if
    not has_room('crowd', '', networks, LIMITS.max_address_peers)
    or not has_room('near', info_hash, networks, LIMITS.max_address_swarm_peers)
  then
    return nil
  end
  local peer = {
    socket = socket, address = address, secret = secret, networks = networks,
    complete = 0, turn = call('INCR', 'turns'),
  }
  local holder = holder_of(peer)
  call('ZADD', 'in', 0, membership)
  add_pair('through', socket, membership)
  add_pair('held', holder, turn_of(peer, membership))
  local first = 1 - (1 + peer.turn % (TURNS - 1)) / TURNS
  if call('ZSCORE', 'holders', holder) then
    call('ZINCRBY', 'holders', 1, holder)
  else
    call('ZADD', 'holders', 1 + first, holder)
  end
  count_up('crowd', '', networks)
  count_up('near', info_hash, networks)
  call('HINCRBY', 'swarms', info_hash, 1)
  return peer
end

-- The peer for an announce, its own or a new one; or nil, and why not.
local function admit(membership, socket, address, secret, networks)
  local peer = read(membership)
  if not has_pair('through', socket, membership) then
    if count_of('through', socket) >= LIMITS.max_socket_peers then
      return nil, 'too many swarms'
    end
    if peer and address == peer.address then
      remove_pair('through', peer.socket, membership)
      add_pair('through', socket, membership)
      peer.socket = socket
    elseif peer and (peer.secret == '' or peer.secret ~= secret) then
      return nil, "this peer id is somebody else's"
    elseif peer then
      remove(membership)
      peer = nil
    end
  end
  peer = peer or join(membership, socket, address, secret, networks)
  return peer, 'too many peers of one address'
end

-- The membership to evict from a full swarm: the longest silent one of whoever has most there.
local function superfluous(info_hash)
  local held, oldest = {}, {}
  local most
  for _, membership in ipairs(members_of(info_hash)) do
    local peer = read(membership)
    local holder = holder_of(peer)
    held[holder] = (held[holder] or 0) + 1
    if not oldest[holder] or peer.turn < oldest[holder].turn then
      oldest[holder] = { turn = peer.turn, membership = membership }
    end
  end
  for holder, count in pairs(held) do
    if
      not most
      or count > held[most]
      or (count == held[most] and oldest[holder].turn < oldest[most].turn)
    then
      most = holder
    end
  end
  return oldest[most].membership
end

local function make_room(info_hash)
  if tonumber(call('HGET', 'swarms', info_hash)) > LIMITS.max_swarm_peers then
    remove(superfluous(info_hash))
  end
  while
    call('HLEN', 'swarms') > LIMITS.max_swarms or call('HLEN', 'peers') > LIMITS.max_peers
  do
    local holder = call('ZREVRANGE', 'holders', 0, 0)[1]
    remove(others_of('held', holder, 1)[1]:sub(16))
  end
end

-- The sockets of so many peers beside this one, by chance. To a complete one those that are not
-- complete go first: two complete peers have nothing for each other.
local function chosen(membership, is_complete, wanted, seed)
  local picked, later = {}, {}
  if wanted == 0 then
    return picked
  end
  local members = members_of(membership:sub(1, 20))
  math.randomseed(seed)
  for place = #members, 1, -1 do
    local chance = math.random(place)
    members[place], members[chance] = members[chance], members[place]
    if members[place] ~= membership then
      local peer = read(members[place])
      if is_complete == 1 and peer.complete == 1 then
        later[#later + 1] = peer.socket
      else
        picked[#picked + 1] = peer.socket
        if #picked == wanted then
          return picked
        end
      end
    end
  end
  for _, socket in ipairs(later) do
    if #picked < wanted then
      picked[#picked + 1] = socket
    end
  end
  return picked
end

function steps.announce(
  socket, address, info_hash, peer_id, is_complete, completes, secret, lifetime, wanted, seed, ...
)
  local membership = info_hash .. peer_id
  local peer, why = admit(membership, socket, address, secret, { ... })
  if not peer then
    return { 'refused', why }
  end
  local holder = holder_of(peer)
  remove_pair('held', holder, turn_of(peer, membership))
  peer.turn = call('INCR', 'turns')
  add_pair('held', holder, turn_of(peer, membership))
  if completes == '1' and peer.complete == 0 then
    call('HINCRBY', 'downloaded', info_hash, 1)
  end
  if peer.complete == 1 then
    count_down('complete', info_hash)
  end
  peer.complete = tonumber(is_complete)
  if peer.complete == 1 then
    call('HINCRBY', 'complete', info_hash, 1)
  end
  write(membership, peer)
  call('ZADD', 'expires', time + lifetime, membership)
  make_room(info_hash)
  local sockets = chosen(membership, peer.complete, tonumber(wanted), tonumber(seed))
  return { 'ok', sockets, figures(info_hash) }
end

-- Only through its own socket: others that have seen the id must not be able to evict it.
function steps.stop(socket, info_hash, peer_id)
  if has_pair('through', socket, info_hash .. peer_id) then
    remove(info_hash .. peer_id)
  end
  return { 'ok', {}, figures(info_hash) }
end

function steps.answer(socket, info_hash, peer_id, to_peer_id)
  if not has_pair('through', socket, info_hash .. peer_id) then
    return { 'refused', 'announce before you answer' }
  end
  local target = read(info_hash .. to_peer_id)
  return { 'ok', target and target.socket or nil }
end

function steps.scrape(...)
  local found = {}
  for place, info_hash in ipairs({ ... }) do
    found[place] = { figures(info_hash) }
  end
  return { 'ok', found }
end

function steps.drop(socket)
  for _, membership in ipairs(others_of('through', socket)) do
    remove(membership)
  end
  return { 'ok' }
end

function steps.members(...)
  local found = {}
  for _, socket in ipairs({ ... }) do
    if count_of('through', socket) > 0 then
      found[#found + 1] = socket
    end
  end
  return { 'ok', found }
end

function steps.expire()
  local over = call('ZRANGEBYSCORE', 'expires', '-inf', time, 'LIMIT', 0, BATCH)
  for _, membership in ipairs(over) do
    remove(membership)
  end
  return { 'ok', #over == BATCH and 1 or 0 }
end

function steps.totals()
  return { 'ok', call('HLEN', 'swarms'), call('HLEN', 'peers') }
end

return take_step(TABLES, { answer = true, scrape = true, members = true, totals = true })
