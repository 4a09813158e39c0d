-- graphs.lua - random graphs, `graphs` training phases of 5 to 15 random ops.
--
-- The same seed gives the same graphs.  Values stay around 1, so that errors do
-- not grow: products of matrices are scaled, divisors and logarithms are kept
-- away from 0, normalisations have a large eps.  Output, loss and parameter
-- names are as in tests/op/ops.lua.
local c = config {seed = 1, graphs = 100, batch = 1, sentences = 2, tokens = 3,
                  answers = 4096, accumulate = 1, buckets = {{1, 1}}}

-- ------------------------------------------------------------------ numbers
local word = c.seed * 7919 + 12345

local function draw(n) -- 1..n
  word = (word * 1103515245 + 12345) % 2147483648
  return (word // 65536) % n + 1
end

local function pick(list) return list[draw(#list)] end
local function chance(percent) return draw(100) <= percent end

local function count(shape)
  local n = 1
  for _, d in ipairs(shape) do n = n * d end
  return n
end

local sizes = {1, 2, 3, 4, 5, 7, 8, 16, 17}
local function random_shape(rank, most)
  local shape
  repeat
    shape = {}
    for i = 1, rank do shape[i] = pick(sizes) end
  until count(shape) <= most
  return shape
end

-- ------------------------------------------------------------------ tensors
local graph, serial, zero, tokens, pool

local function fixed(dims, kind, options)
  serial = serial + 1
  local name = string.format("g%d.%s%d", graph, kind or "u", serial)
  return param(name, dims, init.zero, options)
end

local function live(dims, kind)
  if chance(10) then return fixed(dims, kind) end
  return fixed(dims, kind) + zero
end

-- An operand that repeats to the shape: some sizes 1, leading ones left out.
local function partner(shape)
  for i = #pool, 1, -1 do -- something that is there already
    local p = pool[i]:shape()
    local fits = #p <= #shape and chance(40)
    for k = 1, #p do
      local d = shape[#shape - #p + k]
      fits = fits and (p[k] == d or p[k] == 1)
    end
    if fits then return pool[i] end
  end
  local dims, first = {}, chance(30) and draw(#shape) or 1
  for i = first, #shape do
    dims[#dims + 1] = chance(25) and 1 or shape[i]
  end
  return live(dims)
end

-- ---------------------------------------------------------------------- ops
local function small(x) return op.sigmoid {x} * 2 - 1 end

local unary = {
  function(x) return op.relu {x} end, function(x) return op.gelu {x} end,
  function(x) return op.sigmoid {x} end, function(x) return op.neg {x} end,
  function(x) return op.softplus {x} end, function(x) return x * 0.5 end,
  function(x) return op.exp {small(x)} end, function(x) return 1 - x end,
  function(x) return op.sqrt {op.softplus {x} + 0.1} end,
  function(x) return op.rsqrt {op.softplus {x} + 0.5} end,
  function(x) return op.log {op.softplus {x} + 0.5} end,
  function(x) return op.copy {x} end, function(x) return x + x * 0.25 end,
}

local binary = {
  function(a, b) return a + b end, function(a, b) return a - b end,
  function(a, b) return a * small(b) end, function(a, b) return b + a end,
  function(a, b) return a / (op.softplus {b} + 0.5) end,
  function(a, b) return op.maximum {a, b} end,
  function(a, b) return op.minimum {b, a} end,
  function(a, b) return op.gate {a, b} end,
}

local function permuted(x)
  local left, order = {}, {}
  for i = 1, #x:shape() do left[i] = i end
  while #left > 0 do order[#order + 1] = table.remove(left, draw(#left)) end
  return x:permute(order), order
end

-- Two neighbouring axes become one, or one is cut in two.
local function reshaped(x)
  local shape, to = x:shape(), {}
  local at = draw(#shape)
  for i, d in ipairs(shape) do
    if i == at and #shape < 5 and d % 2 == 0 then
      to[#to + 1] = 2
      to[#to + 1] = d // 2
    elseif i == at and i > 1 then
      to[#to] = to[#to] * d
    else
      to[#to + 1] = d
    end
  end
  return x:reshape(to)
end

local function sliced(x)
  local axis = draw(#x:shape())
  local d = x:dim(axis)
  local first = draw(d)
  return x:slice(axis, first, draw(d - first + 1))
end

local function repeated(x)
  local shape = x:shape()
  for i, d in ipairs(shape) do
    if d == 1 and count(shape) < 200 then shape[i] = draw(3) + 1 end
  end
  if #shape < 4 and count(shape) < 150 then table.insert(shape, 1, 2) end
  return x:broadcast(shape)
end

local function reduced(x)
  local rank = #x:shape()
  local first = draw(rank)
  local many = draw(rank - first + 1)
  if chance(35) then return x:max(first, many) end
  local y = x:sum(first, many)
  return y * (count(y:shape()) / count(x:shape()))
end

-- x - mean(x), x / max(x): a reduction whose result goes back into the rows.
local function centred(x)
  local rank = #x:shape()
  local first = chance(60) and rank or draw(rank)
  local n = x:sum(first, 1)
  return x - n * (1 / x:dim(first))
end

local function joined(x)
  local shape = x:shape()
  local axis = draw(#shape)
  if chance(40) then
    return op.pad {x, dim = axis, before = draw(3) - 1, after = draw(2)}
  end
  shape[axis] = draw(4)
  local other = chance(50) and live(shape) or x:slice(axis, 1, 1)
  return op.concat {x, other, dim = axis}
end

-- A product with a matrix from either side, also transposed.
local function product(x)
  local shape = x:shape()
  local rank = #shape
  if rank < 2 or rank > 4 then return op.relu {x} end
  local k, n, dims = shape[rank], draw(9), {}
  for i = 1, rank - 2 do dims[i] = shape[i] end
  local flip = {}
  for i = 1, rank do flip[i] = i end
  flip[rank - 1], flip[rank] = rank, rank - 1
  local way, y = draw(4)
  if way == 1 then
    y = op.matmul {x, x:permute(flip)}
  elseif way == 2 then
    dims[rank - 1], dims[rank] = n, k
    y = op.matmul {x, live(dims):permute(flip)}
  elseif way == 3 then
    dims[rank - 1], dims[rank] = shape[rank - 1], n
    y, k = op.matmul {x:permute(flip), live(dims)}, shape[rank - 1]
  else
    dims[rank - 1], dims[rank] = k, n
    y = op.matmul {x, live(dims)}
  end
  return y * (1 / k)
end

local function layer(x)
  local last = x:dim(-1)
  local n = draw(13)
  local bias = chance(70) and fixed {n} or nil
  local y = op.linear {x * (1 / last), fixed {n, last}, bias}
  local then_do = draw(4)
  return then_do == 1 and op.gelu {y} or then_do == 2 and op.relu {y} or y
end

local function normed(x)
  local shape = x:shape()
  local last, way = shape[#shape], draw(5)
  if way == 1 or #shape < 2 then return op.softmax {x} end
  if way <= 3 then
    return op.layer_norm {x, fixed {last}, live {last}, eps = 0.1}
  end
  serial = serial + 1
  local name = string.format("g%d.norm%d", graph, serial)
  local mean = state(name .. ".u1", {last}, init.zero)
  local var = state(name .. ".p1", {last}, init.one)
  return op.batch_norm {x, fixed {last}, live {last}, mean, var, eps = 0.1,
                        train = way - 4}
end

local function dropped(x)
  serial = serial + 1
  return op.dropout {x, p = draw(5) / 10,
                     site = string.format("g%d.site%d", graph, serial)}
end

local function convolved(x)
  local shape = x:shape()
  if #shape ~= 4 then return x + partner(shape) end
  if chance(30) and shape[2] > 1 and shape[3] > 1 then
    return (op.max_pool {x, kernel = 2, stride = 1})
  end
  local k = math.min(shape[2], shape[3], draw(3))
  local out = draw(8)
  local w = fixed {out, shape[4], k, k}
  local y = op.conv2d {x * (1 / (k * k * shape[4])), w, pad = k // 2,
                       stride = draw(2)}
  local then_do = draw(4)
  return then_do == 1 and op.relu {y + fixed {out}} or
         then_do == 2 and y + fixed {out} or y
end

local function looked_up()
  return op.gather {live {7, pick(sizes)}, tokens, skip = draw(3) - 2}
end

local function remembered(x)
  serial = serial + 1
  local name = string.format("g%d.state.u%d", graph, serial)
  local s = state(name, x:shape(), init.zero)
  local now = s:set(s * 0.5 + x * 0.5)
  return chance(50) and now or x + now * 0.5
end

local function drawn(dims)
  serial = serial + 1
  return op.uniform {site = string.format("g%d.draw%d", graph, serial),
                     dims = dims}
end

-- Labels of -1, 0 ... for the last axis.
local function classified(x)
  local shape = x:shape()
  if #shape < 2 then return x * 0.75 end
  local n = table.remove(shape)
  return op.cross_entropy {x, op.floor {drawn(shape) * (n + 1)} - 1}
end

-- Noise, numbered places, and what has no gradient.
local function mixed(x)
  local way = draw(3)
  if way == 1 then return x * op.greater {drawn(x:shape()), 0.3} end
  if way == 2 then return x + op.iota {count = x:dim(-1)} * 0.125 end
  return x + op.stop {x * 0.5}
end

local kinds = {
  {20, function(x) return pick(unary)(x) end},
  {20, function(x) return pick(binary)(x, partner(x:shape())) end},
  {6, function(x) return (permuted(x)) end}, {5, reshaped}, {5, sliced},
  {4, repeated}, {7, reduced}, {5, centred}, {5, joined}, {7, product},
  {6, layer}, {6, normed}, {5, dropped}, {5, convolved}, {2, looked_up},
  {2, remembered}, {3, classified}, {4, mixed},
}
local total = 0
for _, k in ipairs(kinds) do total = total + k[1] end

local function step(x)
  local at = draw(total)
  for _, k in ipairs(kinds) do
    at = at - k[1]
    if at <= 0 then return k[2](x) end
  end
end

-- ------------------------------------------------------------------- graphs
local function grow()
  pool = {live(random_shape(draw(4), 300)), live(random_shape(draw(3) + 1, 300))}
  local n = 4 + draw(11)
  for _ = 1, n do
    local x = chance(75) and pool[#pool] or pick(pool)
    local y = step(x)
    if count(y:shape()) <= 2000 then pool[#pool + 1] = y end
  end
  return pool[#pool]
end

for i = 1, c.graphs do
  phase("train", {buckets = {{i, 1}}}, function(door)
    graph, serial, tokens = i, 0, door.tokens
    local numbers = door.answers:reshape {-1}
    zero = numbers:slice(1, 1, 1):reshape {}
    local y = grow()
    local shape = y:shape()
    local loss = y * numbers:slice(1, 2, count(shape)):reshape(shape)
    if #shape > 0 then loss = loss:sum(1, #shape):reshape {} end
    return {loss = loss, ["g" .. i] = y}
  end)
end

phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr = 0.1}}})
