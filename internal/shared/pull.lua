-- Gives the rows that are newer than a version. KEYS: rows, their versions. ARGV: the version.
-- Returns how many rows there are in all, the newest version, then name and row of each that is newer, oldest first.
for i, kind in ipairs({'hash', 'zset'}) do
	local there = redis.call('TYPE', KEYS[i]).ok
	if there ~= kind and there ~= 'none' then redis.call('DEL', KEYS[1], KEYS[2]) end -- somebody else's
end
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES')
local out = {tostring(redis.call('HLEN', KEYS[1])), ARGV[1]}
for i = 1, #names, 2 do
	local row = redis.call('HGET', KEYS[1], names[i])
	if row then
		out[#out + 1], out[#out + 2] = names[i], row
	end
	out[2] = names[i + 1]
end
return out
