-- Mutates bodies and CoAP messages and runs them through the dissector's own
-- functions: an error ends the interpreter. Globals: T, inputs, seeds, keylog.
local random = math.random
math.randomseed(1)

local function noise(n)
  local out = {}
  for i = 1, n do out[i] = string.char(random(0, 255)) end
  return table.concat(out)
end

local function mutate(s)
  for _ = 1, random(4) do
    local at, how = random(0, #s), random(5)
    if how == 1 then s = s:sub(1, at)
    elseif how == 2 then s = s:sub(1, at) .. noise(random(20)) .. s:sub(at + 1)
    elseif how == 3 then s = s:sub(1, at) .. s:sub(at + random(40))
    else s = s:sub(1, at) .. noise(1) .. s:sub(at + 2) end
  end
  return s
end

local codes = { 2, 68, 69, 1, 0, 143, 255 }
local state, whole, sessions = T.new_state(""), 0, 0
T.keylog_text(state.keylog, keylog)
for i = 1, inputs do
  if i % 2000 == 0 then
    T.report_sessions(state)
    state = T.new_state("")
    T.keylog_text(state.keylog, i % 4000 == 0 and keylog or mutate(keylog))
  end
  local seed = seeds[random(#seeds)]
  local m = T.parse(mutate(seed.body), seed.cf, random(3) == 1 and codes[random(#codes)] or seed.code)
  for _, field in ipairs({ "token", "echo" }) do m[field] = string.char(64 + random(8)) end
  m.frame, m.time, m.mid, m.from = i, i / 100, random(50), 42
  m.src, m.dst = "a:1", "b:" .. random(2)
  if not m.request then m.src, m.dst = m.dst, m.src end
  m.flow, m.back = m.src .. ">" .. m.dst, m.dst .. ">" .. m.src
  if random(2) == 1 then m.wlan = { ta = "x" .. random(3), seq = random(4), retry = random(2) == 1, ds = random(0, 3) } end
  T.track(state, m)
  if m.nonce then whole = whole + 1 end
  assert(#T.summary(m) < 200)
  local c = T.coap_message(mutate(seed.coap))
  if c and T.is_session(c, seed.coap, #seed.coap) then sessions = sessions + 1 end
end
print(string.format("%s: %d inputs, %d records whole, %d messages of a session", _VERSION, inputs, whole, sessions))
assert(whole > inputs / 4 and sessions > inputs / 50, "the mutations destroy everything")
