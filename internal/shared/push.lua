-- Writes rows that nobody else has changed meanwhile. KEYS: rows, their versions. ARGV: for how long they are kept (ms), then name, the row that
-- was agreed on ('' = none), and the new one. Returns for each whether it was written.
-- A version is the time in microseconds, so that it grows even if Redis has forgotten all.
for i, kind in ipairs({'hash', 'zset'}) do
	local there = redis.call('TYPE', KEYS[i]).ok
	if there ~= kind and there ~= 'none' then redis.call('DEL', KEYS[1], KEYS[2]) end -- somebody else's
end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) >= now then now = tonumber(last) end
local out = {}
for i = 2, #ARGV, 3 do
	local there = redis.call('HGET', KEYS[1], ARGV[i]) or ''
	if there == ARGV[i + 1] or there == '' then -- '' also where it was forgotten
		now = now + 1
		redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
		redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[i])
		out[#out + 1] = 1
	else
		out[#out + 1] = 0
	end
end
local old = string.format('%.0f', now - ARGV[1] * 1000)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', old, 'LIMIT', 0, 1000)) do
	redis.call('HDEL', KEYS[1], name)
	redis.call('ZREM', KEYS[2], name)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return out
