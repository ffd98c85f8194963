-- Draws from all windows or from none. By the clock of Redis alone.
-- KEYS: what names all that is remembered, see life.lua, then the windows. ARGV: who draws, how long its slots are lent (ms), until when
-- somebody waits for the answer (0 = for ever), then for each window: cycle, per, margin, limit, amount, fit, how (1 = in any case, 2 = a window that
-- nobody knows is shut for a second), used, heard, when the turn before, this one and the next begin, and how long until what was heard has room
-- again (0 = not known).
-- All times in ms. Returns whether it was drawn (-1: it is too late), the time, then for each window: used, full (2 more if
-- something else was there), ms until it opens, mark.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local who, lease, awaited = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if awaited > 0 and now > awaited then return {-1, now} end
local exact, grain, width = 256, 128, 13

local function text(n) return string.format('%.0f', n) end

-- charges of a sliding window are fields named by the ms at which the last part of them was drawn.
local function sliding(key, w)
	local h = redis.call('HMGET', key, 'sum', 'first')
	local s = {used = tonumber(h[1] or 0), first = tonumber(h[2] or '')}
	local span = w.per + w.margin
	local function charges()
		local out, all = {}, redis.call('HGETALL', key)
		for i = 1, #all, 2 do
			local at = tonumber(all[i])
			if at then out[#out + 1] = {at = at, n = tonumber(all[i + 1])} end
		end
		table.sort(out, function(a, b) return a.at < b.at end)
		return out
	end
	if s.first and s.first <= now - span then
		s.used, s.first = 0, nil
		for _, c in ipairs(charges()) do
			if c.at <= now - span then
				redis.call('HDEL', key, text(c.at))
			else
				s.used, s.first = s.used + c.n, s.first or c.at
			end
		end
		redis.call('HSET', key, 'sum', text(s.used))
		if s.first then redis.call('HSET', key, 'first', text(s.first)) else redis.call('HDEL', key, 'first') end
	end
	function s.opens(n)
		local over = math.min(s.used + n - w.limit, s.used)
		for _, c in ipairs(charges()) do
			over = over - c.n
			if over <= 0 then return c.at + span - now end
		end
		return w.per
	end
	function s.later() return s.first and s.first + span - now or 0 end
	function s.add(n, frees)
		local at = now
		if frees and frees > 0 and frees < w.per then
			at = now + frees - span -- it leaves when the provider says
		elseif redis.call('HLEN', key) > exact then
			at = math.ceil(math.ceil(now * grain / w.per) * w.per / grain)
		end
		redis.call('HINCRBY', key, text(at), text(n))
		s.used = redis.call('HINCRBY', key, 'sum', text(n))
		if not s.first or at < s.first then
			s.first = at
			redis.call('HSET', key, 'first', text(at))
		end
		redis.call('PEXPIRE', key, text(span + w.per / grain + 1000))
		return at
	end
	return s
end

local function turning(key, w)
	local from, to
	if w.cycle == 'fixed' then
		from = now - now % w.per
		to = from + w.per
	else
		from, to = w.this, w.next
		if now >= to then from, to = to, to + w.per elseif now < from then from, to = w.before, from end
	end
	local h = redis.call('HMGET', key, 'from', 'to', 'used', 'next', 'last', 'shut')
	local shut = tonumber(h[6] or 0)
	local s = {used = tonumber(h[3] or 0), later = function() return to - now end}
	local next, last = tonumber(h[4] or 0), tonumber(h[5] or 0)
	if h[1] and tonumber(h[1]) ~= from then
		local follows = tonumber(h[2]) == from
		s.used, next, last = follows and next or 0, 0, follows and s.used or 0
	end
	local function young(n) return last > 0 and last + n > w.limit and now - from < w.margin end
	function s.refuses(n) return young(n) or now < shut end
	function s.close(span)
		shut = now + span
		s.add(0)
		redis.call('HSET', key, 'shut', text(shut))
	end
	function s.opens(n)
		if now < shut then return shut - now end
		if s.used <= 0 or s.used + n <= w.limit then return from + w.margin - now end
		if next > 0 and next + n > w.limit then return to + w.per + w.margin - now end
		return to + w.margin - now
	end
	function s.add(n)
		s.used = s.used + n
		if now + w.margin >= to then next = next + n end
		redis.call('HSET', key, 'from', text(from), 'to', text(to), 'used', text(s.used), 'next', text(next), 'last', text(last))
		redis.call('PEXPIRE', key, text(to - now + w.per + 1000))
		return now
	end
	return s
end

local function bucket(key, w)
	local h = redis.call('HMGET', key, 'level', 'at')
	local level = math.max(0, tonumber(h[1] or 0) - (now - tonumber(h[2] or now)) / w.per * w.limit)
	local s = {used = math.ceil(level - 1e-9), later = function() return w.per / w.limit end}
	function s.opens(n) return math.min(level + n - w.limit, level) / w.limit * w.per + w.margin end
	function s.add(n)
		level = math.max(0, level + n)
		s.used = math.ceil(level - 1e-9)
		redis.call('HSET', key, 'level', tostring(level), 'at', text(now))
		redis.call('PEXPIRE', key, text(math.min(level / w.limit * w.per, 1e11) + w.per + 1000))
		return now
	end
	return s
end

-- slots are fields named by who holds them, lent until they are renewed or given back.
local function running(key, w)
	local s, all = {used = 0, later = function() return 0 end, opens = function() return 1000 end}, redis.call('HGETALL', key)
	for i = 1, #all, 2 do
		if tonumber(all[i + 1]) > now then s.used = s.used + 1 else redis.call('HDEL', key, all[i]) end
	end
	function s.add(n)
		s.used = s.used + 1
		redis.call('HSET', key, who, text(now + lease))
		redis.call('PEXPIRE', key, text(2 * lease))
		return now
	end
	return s
end

local kinds = {sliding = sliding, fixed = turning, daily = turning, bucket = bucket, running = running}
local replaced, most = {}, 2 ^ 53
local function draw()
	local windows, granted = {}, true
	for i = 1, #KEYS - 1 do
		local key, a = KEYS[i + 1], 3 + (i - 1) * width
		local w = {cycle = ARGV[a + 1], per = tonumber(ARGV[a + 2]), margin = tonumber(ARGV[a + 3]), limit = tonumber(ARGV[a + 4]),
			amount = tonumber(ARGV[a + 5]), fit = tonumber(ARGV[a + 6]), free = ARGV[a + 7] == '1', strict = ARGV[a + 7] == '2', before = tonumber(ARGV[a + 10]),
			this = tonumber(ARGV[a + 11]), next = tonumber(ARGV[a + 12])}
		local kind = redis.call('TYPE', key).ok
		local lost = kind ~= 'hash'
		w.broken = replaced[i] or lost and kind ~= 'none'
		if lost and w.broken then redis.call('DEL', key) end
		local s = kinds[w.cycle](key, w)
		assert(math.abs(s.used) < most)
		if w.cycle ~= 'running' then -- what others know better
			local known = tonumber(ARGV[a + 9])
			local frees = tonumber(ARGV[a + 13])
			if lost and tonumber(ARGV[a + 8]) > known then
				known, frees = tonumber(ARGV[a + 8]), 0
				redis.call('DEL', KEYS[1]) -- others may know more of it
			end
			if known > s.used then s.add(known - s.used, frees) end
			if lost and w.strict then -- nothing before all have told what they know
				s.close(1000)
				redis.call('DEL', KEYS[1])
			end
		end
		local room = s.used + w.fit <= w.limit or s.used <= 0 and w.limit > 0
		w.full = not w.free and (not room or s.refuses ~= nil and s.refuses(w.fit))
		granted = granted and not w.full
		windows[i], w.state = w, s
	end
	local out = {granted and 1 or 0, now}
	for i, w in ipairs(windows) do
		local s, mark = w.state, 0
		if granted and w.amount > 0 then mark = s.add(w.amount) end
		local opens = w.full and s.opens(w.fit) or s.later()
		for _, x in ipairs({s.used, (w.full and 1 or 0) + (w.broken and 2 or 0), math.ceil(math.max(0, opens)), mark}) do out[#out + 1] = x end
	end
	return out
end

-- A window that holds anything but numbers is somebody else's.
local drawn, out = pcall(draw)
if drawn then return out end
for i = 2, #KEYS do
	for _, x in ipairs(redis.call('TYPE', KEYS[i]).ok == 'hash' and redis.call('HVALS', KEYS[i]) or {}) do
		if not (math.abs(tonumber(x) or most) < most) then
			replaced[i - 1] = true
			redis.call('DEL', KEYS[i])
			break
		end
	end
end
if next(replaced) == nil then error(out, 0) end
return draw()
