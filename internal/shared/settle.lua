-- Puts right what was drawn. KEYS: the windows. ARGV: who drew, then for each window: cycle, margin, per, limit, change, mark.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function text(n) return string.format('%.0f', n) end
for i, key in ipairs(KEYS) do
	local a = 1 + (i - 1) * 6
	local cycle, margin, per, limit, change, mark = ARGV[a + 1], tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5]), ARGV[a + 6]
	if redis.call('TYPE', key).ok ~= 'hash' then
		change = 0 -- it is lost, or something else
	elseif cycle == 'running' then
		redis.call('HDEL', key, ARGV[1])
	elseif cycle == 'sliding' then
		local n = tonumber(redis.call('HGET', key, mark) or '')
		if n then -- it has not left
			change = math.max(change, -n)
			redis.call('HINCRBY', key, mark, text(change))
			redis.call('HINCRBY', key, 'sum', text(change))
		end
	elseif cycle == 'bucket' then
		local h = redis.call('HMGET', key, 'level', 'at')
		if h[1] then
			local level = math.max(0, tonumber(h[1]) - (now - tonumber(h[2])) / per * limit)
			redis.call('HSET', key, 'level', tostring(math.max(0, level + change)), 'at', text(now))
		end
	else
		local h = redis.call('HMGET', key, 'from', 'to', 'used', 'next', 'last')
		local at, from = tonumber(mark), tonumber(h[1] or '')
		if from and at < from and at >= from - per then
			redis.call('HSET', key, 'last', text(math.max(0, tonumber(h[5] or 0) + change)))
		end
		if from and at >= from - margin then -- what was drawn just before a turn counts in it, too
			redis.call('HSET', key, 'used', text(math.max(0, tonumber(h[3]) + change)))
			if at >= from and at + margin >= tonumber(h[2]) then
				redis.call('HSET', key, 'next', text(math.max(0, tonumber(h[4]) + change)))
			end
		end
	end
end
return {1}
