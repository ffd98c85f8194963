-- Names what Redis remembers: as long as it is the same nothing was lost. KEYS: where the name is. ARGV: for how long it is kept (ms).
local name = redis.pcall('GET', KEYS[1])
if type(name) ~= 'string' or not tonumber(name) then
	local t = redis.call('TIME')
	name = string.format('%.0f', t[1] * 1000000 + t[2])
	redis.call('SET', KEYS[1], name)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {tonumber(name)}
