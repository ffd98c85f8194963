-- Lends slots on. KEYS: a window for each of them. ARGV: for how long (ms), then who holds each.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lease = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
	local kind = redis.call('TYPE', key).ok
	if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end
	redis.call('HSET', key, ARGV[i + 1], string.format('%.0f', now + lease))
	redis.call('PEXPIRE', key, string.format('%.0f', 2 * lease))
end
return {1}
