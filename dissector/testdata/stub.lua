-- Just enough of Wireshark to load pqiot.lua in a bare Lua interpreter: library
-- bit, and an object that takes every call, index and assignment.
local any
any = setmetatable({}, {
  __index = function() return any end, __newindex = function() end, __call = function() return any end,
  __concat = function() return "" end,
})
for _, name in ipairs({ "Proto", "ProtoField", "ProtoExpert", "Pref", "Field", "DissectorTable", "base",
  "expert", "frametype", "ByteArray", "NSTime", "TextWindow", "Listener", "register_menu", "MENU_STAT_UNSORTED" }) do
  _G[name] = any
end
Dissector = { get = function() end }
function gui_enabled() return true end

-- bit, with the signed results that Wireshark's has.
local ops
if bit32 then
  ops = bit32
else
  ops = load([[
    local M = 0xffffffff
    local function fold(f) return function(a, ...)
      a = math.tointeger(a) & M
      for _, b in ipairs({ ... }) do a = f(a, math.tointeger(b) & M) end
      return a
    end end
    local function int(x) return math.tointeger(x) & M end
    return {
      band = fold(function(a, b) return a & b end), bor = fold(function(a, b) return a | b end),
      bxor = fold(function(a, b) return a ~ b end),
      lshift = function(a, n) return int(a) << n & M end, rshift = function(a, n) return int(a) >> n end,
      rrotate = function(a, n) return (int(a) >> n | int(a) << (32 - n)) & M end,
    }]])()
end
local function signed(x) return x >= 0x80000000 and x - 0x100000000 or x end
local function wrap(f) return function(...) return signed(f(...)) end end
bit = {
  band = wrap(ops.band), bor = wrap(ops.bor), bxor = wrap(ops.bxor), lshift = wrap(ops.lshift),
  rshift = wrap(ops.rshift), ror = wrap(ops.rrotate), tobit = wrap(function(x) return ops.band(x, 0xffffffff) end),
}

function unhex(s) return (s:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end

function hex(s) return (s:gsub(".", function(c) return string.format("%02x", c:byte()) end)) end
