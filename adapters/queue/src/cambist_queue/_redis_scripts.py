"""What Redis does in one step, as scripts. None of them waits, and nobody sees one half done."""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis

# KEYS: the partitions' streams, then the one after the last, which must not be. ARGV: the groups.
CREATE: Final = """
local count = #KEYS - 1
local found = redis.call('EXISTS', unpack(KEYS))
if redis.call('EXISTS', KEYS[#KEYS]) == 1 or (found ~= 0 and found ~= count) then return 0 end
for number = 1, count do
  if #ARGV == 0 and found == 0 then
    redis.call('XGROUP', 'CREATE', KEYS[number], '-', '0', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', KEYS[number], '-')
  end
  for _, group in ipairs(ARGV) do
    local made = redis.pcall('XGROUP', 'CREATE', KEYS[number], group, '0', 'MKSTREAM')
    if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
  end
end
return 1
"""

# KEYS: a stream, the key of the message's id. ARGV: for how long that is kept, in ms, then fields and values.
# Returns how many replicas are in step, or -1 if there is no such stream. A second message of one id is not
# added, and yet something is written: a WAIT that follows then waits for the first one as well. XADD has to
# be what writes first: a server that is full refuses nothing after that.
ADD: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
else
  local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
  redis.call('SET', KEYS[2], id, 'PX', ARGV[1])
end
local _, replicas = string.gsub(redis.call('INFO', 'replication'), 'state=online', '')
return replicas
"""

# KEYS: a stream. ARGV: the age in ms past which a message goes that every group has acknowledged, or '';
# how many bytes there may be, or ''.
TRIM: Final = """
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
if ARGV[1] ~= '' then
  local time = redis.call('TIME')
  local ms, seq = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1], 0
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local of = {}
    for at = 1, #group, 2 do of[group[at]] = group[at + 1] end
    local group_ms, group_seq
    if of['pending'] > 0 then
      group_ms, group_seq = parts(redis.call('XPENDING', KEYS[1], of['name'])[2])
    else
      group_ms, group_seq = parts(of['last-delivered-id'])
      group_seq = group_seq + 1
    end
    if group_ms < ms or (group_ms == ms and group_seq < seq) then ms, seq = group_ms, group_seq end
  end
  if ms > 0 then redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-%.0f', ms, seq)) end
end
if ARGV[2] ~= '' then
  while true do
    local bytes = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0)
    local length = redis.call('XLEN', KEYS[1])
    if length < 2 or bytes <= tonumber(ARGV[2]) then break end
    redis.call('XTRIM', KEYS[1], 'MAXLEN', math.max(1, math.floor(length * 0.95 * ARGV[2] / bytes)))
  end
end
"""

# KEYS: the readers, then the lease of each partition. ARGV: a reader, how long a lease is, in ms.
# Keeps the reader among the living, renews its leases, and takes free ones up to its share. Returns the
# share, and the partitions that it has.
LEASE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local share = math.ceil((#KEYS - 1) / redis.call('ZCARD', KEYS[1]))
local held = {}
for at = 2, #KEYS do
  if redis.call('GET', KEYS[at]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[at], ARGV[2])
    table.insert(held, at - 2)
  end
end
for at = 2, #KEYS do
  if #held < share and redis.call('SET', KEYS[at], ARGV[1], 'NX', 'PX', ARGV[2]) then
    table.insert(held, at - 2)
  end
end
return {share, held}
"""

# KEYS: leases. ARGV: a reader. Gives up those that are still its own.
RELEASE: Final = """
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
end
"""

# KEYS: a stream, its lease. ARGV: a reader, the group, the message that it is done with or '', whether that
# one goes. Returns nothing to a reader that has lost the lease; otherwise the oldest message that is not
# acknowledged, as its number and fields; if there is none, the number of the stream's last message.
NEXT: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
if ARGV[3] ~= '' then
  redis.call('XACK', KEYS[1], ARGV[2], ARGV[3])
  if ARGV[4] == '1' then redis.call('XDEL', KEYS[1], ARGV[3]) end
else
  local from = '0-0'
  repeat
    from = redis.call('XAUTOCLAIM', KEYS[1], ARGV[2], 'reader', 0, from, 'COUNT', 1000, 'JUSTID')[1]
  until from == '0-0'
end
for _, from in ipairs({'0', '>'}) do
  while true do
    local read = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'reader', 'COUNT', 1, 'STREAMS', KEYS[1], from)
    local entry = read and read[1][2][1]
    if not entry then break end
    if entry[2] then return entry end
    redis.call('XACK', KEYS[1], ARGV[2], entry[1])
  end
end
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
for at = 1, #stream, 2 do
  if stream[at] == 'last-generated-id' then return {stream[at + 1]} end
end
"""


async def run(client: Redis, script: str, keys: list[str], *args: bytes | str | int) -> Any:
    """Run a script. It is sent whole, since a server that was started again has none."""
    return await client.execute_command(  # type: ignore[no-untyped-call]
        "EVAL", script, len(keys), *keys, *args
    )
