-- ops.lua - every op in odd shapes, each case a phase of its own.
--
-- The driver (optest.c) fills parameters and doors, runs each phase, and
-- compares output and gradients with formulas in double.  A case's output is
-- named OP.VARIANT.  The loss is the output's elements times the numbers 2, 3,
-- ... of door.answers; number 1 is 0 and keeps what it is added to from being
-- computed once for all from the weights.
-- The last part of a parameter's name says what it holds: u numbers of -2..2,
-- p of 0.25..4, w of the widest range that the op bears.
local set = config {batch = 1, sentences = 1, tokens = 1, answers = 8192,
                    accumulate = 1, buckets = {{1, 1}}, precision = "f32"}

local case, zero, serial, number = "", nil, 0, 0

-- A parameter as it is: what depends on such alone is computed in pack.
local function fixed(dims, kind, options)
  serial = serial + 1
  local name = string.format("%s.%s%d", case, kind or "u", serial)
  return param(name, dims, init.zero, options)
end

-- With bf16 or f16: what an op reads and gives is rounded.
local function rounded(x)
  return set.precision ~= "f32" and op.half {x} or x
end

local function live(dims, kind) return rounded(fixed(dims, kind) + zero) end

local function frozen(dims, kind)
  return rounded(fixed(dims, kind, {trainable = false}) + zero)
end

local function build(kind, name, f, size)
  number = number + 1
  size = size or {}
  size.buckets = size.buckets or {{number, 1}}
  phase(kind, size, function(door)
    case, serial = name, 0
    local numbers = door.answers:reshape {-1}
    zero = numbers:slice(1, 1, 1):reshape {}
    local y = f(door)
    if set.precision ~= "f32" then y = rounded(y) + zero end -- doors are f32
    if kind == "eval" then return {[name] = y} end
    local count, shape = 1, y:shape()
    for _, n in ipairs(shape) do count = count * n end
    local loss = y * numbers:slice(1, 2, count):reshape(shape)
    if #shape > 0 then loss = loss:sum(1, #shape):reshape {} end
    return {loss = loss, [name] = y}
  end)
end

local function train(...) build("train", ...) end
local function eval(...) build("eval", ...) end

-- Element-wise: plain, broadcast, over the widest range.
for _, name in ipairs {"add", "sub", "mul", "div", "maximum", "minimum"} do
  local f, second = op[name], name == "div" and "p" or "u"
  train(name .. ".same", function()
    return f {live {3, 5, 7}, live({3, 5, 7}, second)}
  end)
  train(name .. ".last", function()
    return f {live {13, 17}, live({17}, second)}
  end)
  train(name .. ".both", function()
    return f {live {5, 1, 3}, live({1, 11, 3}, second)}
  end)
  train(name .. ".first", function()
    return f {live {7, 1}, live({2, 7, 19}, second)}
  end)
  train(name .. ".one", function()
    return f {live({}), live({1, 1, 3}, second)}
  end)
  eval(name .. ".range", function()
    return f {frozen({769}, "w"), frozen({769}, "w")}
  end)
end
train("mul.twice", function()
  local x = live {3, 5}
  return x * x
end)
train("mul.literal", function() return 0.3 * live {3, 5} end)
train("div.literal", function() return 1 / live({3, 5}, "p") end)
for _, name in ipairs {"neg", "exp", "sigmoid", "relu", "gelu", "softplus"} do
  train(name .. ".plain", function() return op[name] {live {7, 23}} end)
  train(name .. ".range", function() return op[name] {live({2053}, "w")} end)
end
for _, name in ipairs {"log", "sqrt", "rsqrt"} do
  train(name .. ".plain", function() return op[name] {live({7, 23}, "p")} end)
  train(name .. ".range", function() return op[name] {live({2053}, "w")} end)
end
eval("gelu_slope.plain", function() return op.gelu_slope {frozen {7, 23}} end)
eval("gelu_slope.range", function() return op.gelu_slope {frozen({2053}, "w")} end)
train("greater.last", function() return op.greater {live {13, 17}, live {17}} end)
train("gate.same", function() return op.gate {live {3, 17}, frozen {3, 17}} end)
train("gate.last", function() return op.gate {live {5, 3, 17}, frozen {17}} end)
eval("float.index", function(door) return op.float {door.tokens} end,
     {sentences = 3, tokens = 5})
eval("float.byte", function(door) return op.float {door.image} end,
     {buckets = {{3, 5}}})
for i, dims in ipairs {{7}, {3, 5, 7}, {33, 65}, {1, 1}} do
  train("dropout.rank" .. #dims .. "_" .. i, function()
    return op.dropout {live(dims), p = 0.1 * i, site = "site." .. i}
  end)
end

-- Views.  A view's result is copied by the multiplication that follows.
train("reshape.split", function() return live({6, 35}):reshape {2, 3, 5, 7} end)
train("reshape.join", function() return live({2, 3, 5}):reshape {30} end)
train("reshape.permuted", function()
  return live({3, 5, 7}):permute {2, 3, 1}:reshape {35, 3}
end)
train("permute.swap", function() return live({7, 13}):permute {2, 1} end)
train("permute.heads", function() return live({2, 5, 3, 4}):permute {1, 3, 2, 4} end)
train("permute.turn", function() return live({2, 3, 5, 7}):permute {4, 1, 3, 2} end)
train("permute.twice", function()
  return live({2, 3, 5}):permute {3, 1, 2}:permute {3, 1, 2}
end)
train("slice.first", function() return live({7, 5}):slice(1, 1, 3) end)
train("slice.middle", function() return live({3, 11, 5}):slice(2, 4, 5) end)
train("slice.last", function() return live({3, 11}):slice(2, 11, 1) end)
train("slice.at", function() return live({3, 5, 7}):at(2, 4) end)
train("slice.parts", function()
  local x = live {5, 12}
  return x:slice(2, 1, 4) * x:slice(2, 5, 4) + x:slice(2, 9, 4)
end)
train("broadcast.last", function() return live({3, 1}):broadcast {3, 7} end)
train("broadcast.lead", function() return live({5}):broadcast {2, 3, 5} end)
train("broadcast.scalar", function() return live({}):broadcast {3, 1, 5} end)
train("broadcast.middle", function() return live({3, 1, 5}):broadcast {2, 3, 7, 5} end)

-- Reductions.
for _, name in ipairs {"sum", "max"} do
  for _, r in ipairs {{"last", {13, 17}, 2, 1}, {"first", {13, 17}, 1, 1},
                      {"all", {3, 5, 7}, 1, 3}, {"middle", {3, 11, 5}, 2, 1},
                      {"lead", {3, 5, 7}, 1, 2}, {"tail", {3, 5, 7}, 2, 2},
                      {"vector", {37}, 1, 1}, {"ones", {5, 1, 3}, 2, 1},
                      {"wide", {2, 3001}, 2, 1}, {"tall", {2003, 3}, 1, 1},
                      {"inner", {2, 3, 5, 7}, 2, 2}} do
    train(name .. "." .. r[1], function()
      local x = live(r[2])
      return name == "sum" and x:sum(r[3], r[4]) or x:max(r[3], r[4])
    end)
  end
  train(name .. ".permuted", function()
    local x = live({3, 5, 7}):permute {3, 1, 2}
    return name == "sum" and x:sum(3) or x:max(3)
  end)
end

-- Moves.
train("concat.last", function()
  return op.concat {live {3, 5}, live {3, 1}, live {3, 7}, dim = 2}
end)
train("concat.first", function()
  return op.concat {live {2, 5}, live {3, 5}, dim = 1}
end)
train("concat.middle", function()
  return op.concat {live {2, 3, 5}, live {2, 4, 5}, live {2, 1, 5}, dim = 2}
end)
train("concat.views", function()
  local x = live {5, 3}
  return op.concat {x:permute {2, 1}, live {3, 1}:broadcast {3, 4}, dim = 2}
end)
train("copy.permuted", function() return op.copy {live({3, 5}):permute {2, 1}} end)
train("pad.last", function()
  return op.pad {live {3, 5}, dim = 2, before = 2, after = 1}
end)
train("pad.first", function()
  return op.pad {live {2, 3, 5}, dim = 1, before = 0, after = 2}
end)
train("pad.middle", function()
  return op.pad {live {2, 3, 5}, dim = 2, before = 1, after = 0}
end)

-- Products: sizes, batches, every transposition, epilogues.
for _, s in ipairs {{1, 1, 1}, {1, 7, 5}, {7, 1, 5}, {7, 5, 1}, {13, 11, 17},
                    {31, 33, 65}, {16, 24, 40}} do
  train(string.format("matmul.%d_%d_%d", s[1], s[2], s[3]), function()
    return op.matmul {live {s[1], s[2]}, live {s[2], s[3]}}
  end)
end
train("matmul.fixed", function() return op.matmul {live {5, 7}, fixed {7, 3}} end)
train("matmul.pack", function() return op.matmul {fixed {5, 7}, fixed {7, 3}} end)
for name, lead in pairs {b1 = {1}, b3 = {3}, b2_5 = {2, 5}} do
  local function dims(m, n)
    local d = {}
    for i, v in ipairs(lead) do d[i] = v end
    d[#lead + 1], d[#lead + 2] = m, n
    return d
  end
  local swap = #lead == 1 and {1, 3, 2} or {1, 2, 4, 3}
  train("matmul." .. name .. "_nn", function()
    return op.matmul {live(dims(5, 7)), live(dims(7, 3))}
  end)
  train("matmul." .. name .. "_tn", function()
    return op.matmul {live(dims(7, 5)):permute(swap), live(dims(7, 3))}
  end)
  train("matmul." .. name .. "_nt", function()
    return op.matmul {live(dims(5, 7)), live(dims(3, 7)):permute(swap)}
  end)
  train("matmul." .. name .. "_tt", function()
    return op.matmul {live(dims(7, 5)):permute(swap), live(dims(3, 7)):permute(swap)}
  end)
end
train("matmul.heads", function()
  local q = live({2, 7, 3, 5}):permute {1, 3, 2, 4}
  local k = live({2, 7, 3, 5}):permute {1, 3, 4, 2}
  return op.matmul {q, k}
end)
train("matmul.merge", function()
  local p, v = live {2, 3, 7, 7}, live({2, 7, 3, 5}):permute {1, 3, 2, 4}
  return op.matmul {p, v}:permute {1, 3, 2, 4}:reshape {2, 7, 15}
end)
train("matmul.slice", function()
  local x = live {5, 21}
  return op.matmul {x:slice(2, 1, 7), x:slice(2, 8, 7):permute {2, 1}}
end)
train("matmul.broadcast", function()
  return op.matmul {live({1, 5, 7}):broadcast {3, 5, 7}, live {3, 7, 2}}
end)
train("matmul.itself", function()
  local x = live {5, 7}
  return op.matmul {x, x:permute {2, 1}}
end)
train("matmul.chain", function()
  return op.matmul {op.matmul {live {5, 7}, live {7, 3}}, live {3, 11}}
end)
train("linear.bias", function() return op.linear {live {5, 7}, live {3, 7}, live {3}} end)
train("linear.plain", function() return op.linear {live {2, 5, 7}, live {3, 7}} end)
train("linear.fixed", function()
  return op.linear {live {2, 3, 17}, fixed {33, 17}, fixed {33}}
end)
train("linear.vector", function() return op.linear {live {7}, fixed {3, 7}, fixed {3}} end)
train("linear.single", function() return op.linear {live {5, 7}, fixed {1, 7}, fixed {1}} end)
train("linear.gelu", function()
  return op.gelu {op.linear {live {2, 5, 17}, fixed {13, 17}, fixed {13}}}
end)
train("linear.relu", function()
  return op.relu {op.linear {live {9, 17}, fixed {13, 17}, fixed {13}}}
end)
train("linear.shared", function()
  local w = fixed {7, 7}
  return op.linear {op.linear {live {5, 7}, w}, w}
end)

-- Convolutions: kernel, stride, pad, dilation, groups, channels.
for name, v in pairs {
  plain = {{1, 5, 7, 3}, {5, 3, 3, 3}},
  point = {{2, 5, 3, 7}, {11, 7, 1, 1}},
  point_stride = {{2, 7, 5, 3}, {4, 3, 1, 1}, stride = 2},
  pad = {{2, 5, 7, 3}, {5, 3, 3, 3}, pad = 1},
  stride = {{1, 9, 11, 3}, {5, 3, 3, 3}, stride = 2, pad = 1},
  stride3 = {{1, 11, 10, 2}, {3, 2, 3, 3}, stride = 3},
  stem = {{1, 13, 17, 3}, {8, 3, 7, 7}, stride = 2, pad = 3},
  dilated = {{1, 9, 8, 2}, {3, 2, 3, 3}, dilation = 2},
  dilated_pad = {{1, 9, 8, 2}, {3, 2, 3, 3}, dilation = 2, pad = 2, stride = 2},
  groups = {{2, 5, 6, 6}, {9, 2, 3, 3}, groups = 3, pad = 1},
  depthwise = {{1, 5, 6, 5}, {5, 1, 3, 3}, groups = 5, pad = 1},
  depthwise_many = {{2, 7, 9, 32}, {32, 1, 3, 3}, groups = 32, pad = 1},
  depthwise_stride = {{1, 9, 7, 24}, {24, 1, 3, 3}, groups = 24, pad = 1,
                      stride = 2},
  depthwise_dilated = {{1, 9, 8, 16}, {16, 1, 3, 3}, groups = 16, pad = 2,
                       dilation = 2},
  depthwise_double = {{1, 5, 7, 6}, {12, 1, 3, 3}, groups = 6, pad = 1},
  groups2 = {{2, 7, 5, 6}, {10, 3, 3, 3}, groups = 2, pad = 1},
  groups2_odd = {{1, 7, 9, 34}, {14, 17, 3, 3}, groups = 2, pad = 1, stride = 2},
  groups_point = {{2, 5, 3, 12}, {20, 3, 1, 1}, groups = 4},
  groups_wide = {{1, 9, 7, 128}, {128, 4, 3, 3}, groups = 32, pad = 1},
  groups_wide_stride = {{2, 9, 11, 64}, {64, 8, 3, 3}, groups = 8, pad = 1,
                        stride = 2},
  groups_dilated = {{1, 11, 9, 32}, {32, 8, 3, 3}, groups = 4, pad = 2,
                    dilation = 2},
  dilated_same = {{2, 7, 9, 17}, {16, 17, 3, 3}, dilation = 2, pad = 2},
  dilated_far = {{1, 5, 4, 3}, {8, 3, 3, 3}, dilation = 4, pad = 4},
  dilated_stride = {{2, 12, 9, 16}, {32, 16, 3, 3}, dilation = 2, pad = 2,
                    stride = 2},
  dilated_stride3 = {{1, 13, 14, 5}, {7, 5, 3, 3}, dilation = 3, pad = 1,
                     stride = 3},
  rectangle = {{1, 6, 9, 3}, {4, 3, 1, 5}},
  even = {{1, 6, 7, 3}, {4, 3, 2, 2}, stride = 2},
  whole = {{3, 4, 5, 2}, {7, 2, 4, 5}},
  single = {{1, 1, 1, 1}, {1, 1, 1, 1}},
  wide = {{1, 6, 5, 16}, {32, 16, 3, 3}, pad = 1},
  odd = {{1, 6, 5, 17}, {19, 17, 3, 3}, pad = 1},
} do
  local function conv(x, w)
    return op.conv2d {x, w, stride = v.stride or 1, pad = v.pad or 0,
                      dilation = v.dilation or 1, groups = v.groups or 1}
  end
  train("conv2d." .. name, function() return conv(live(v[1]), fixed(v[2])) end)
  if name == "pad" or name == "groups" or name == "odd" then
    train("conv2d." .. name .. "_live", function()
      return conv(live(v[1]), live(v[2]))
    end)
  end
end
train("conv2d.pack", function()
  return op.conv2d {fixed {1, 4, 5, 3}, fixed {2, 3, 3, 3}}
end)
train("conv2d.permuted", function()
  local x = live({2, 3, 5, 6}):permute {1, 3, 4, 2}
  return op.conv2d {x, fixed {4, 3, 3, 3}, pad = 1}
end)
train("conv2d.relu_add", function()
  local y = op.conv2d {live {2, 5, 6, 3}, fixed {7, 3, 3, 3}, pad = 1}
  return op.relu {y + live {2, 5, 6, 7}}
end)
train("conv2d.bias_relu", function()
  local y = op.conv2d {live {2, 5, 6, 3}, fixed {7, 3, 3, 3}, pad = 1}
  return op.relu {y + fixed {7}}
end)
train("conv2d.shared", function()
  local w = fixed {3, 3, 3, 3}
  return op.conv2d {op.conv2d {live {1, 5, 6, 3}, w, pad = 1}, w, pad = 1}
end)
eval("conv2d_dx.stride", function()
  return op.conv2d_dx {frozen {1, 3, 4, 5}, frozen {5, 2, 3, 3},
                       dims = {1, 6, 8, 2}, stride = 2, pad = 1}
end)
eval("conv2d_dw.stride", function()
  return op.conv2d_dw {frozen {1, 6, 8, 2}, frozen {1, 3, 4, 5},
                       dims = {5, 2, 3, 3}, stride = 2, pad = 1}
end)
for name, v in pairs {
  half = {{2, 6, 8, 5}, 2, 2, 0}, stem = {{1, 7, 9, 3}, 3, 2, 1},
  dense = {{1, 5, 6, 17}, 3, 1, 1}, odd = {{2, 5, 7, 3}, 2, 2, 0},
  sparse = {{1, 8, 9, 2}, 2, 3, 1}, whole = {{2, 3, 3, 65}, 3, 1, 0},
} do
  train("max_pool." .. name, function()
    return (op.max_pool {live(v[1]), kernel = v[2], stride = v[3], pad = v[4]})
  end)
end
eval("max_pool.place", function()
  local _, place = op.max_pool {frozen {1, 7, 9, 3}, kernel = 3, stride = 2, pad = 1}
  return op.float {place}
end)
eval("max_pool_dx.overlap", function()
  local _, place = op.max_pool {frozen {1, 7, 6, 3}, kernel = 3, stride = 1, pad = 1}
  return op.max_pool_dx {frozen {1, 7, 6, 3}, place, dims = {1, 7, 6, 3},
                         kernel = 3, stride = 1, pad = 1}
end)

-- Pictures and masks.
for i, size in ipairs {{5, 7}, {16, 48}, {9, 33}} do
  eval("normalise.size" .. i, function(door)
    return op.normalise {door.image, door.image_size,
                         mean = {123.675, 116.28, 103.53},
                         std = {58.395, 57.12, 57.375}}
  end, {batch = 3, buckets = {size}})
end
eval("normalise.cells", function(door)
  return op.normalise {door.image, door.image_size, cell = 2, before = 2,
                       after = 1, channels = 16, mean = {123.675, 116.28, 103.53},
                       std = {58.395, 57.12, 57.375}}
end, {batch = 2, buckets = {{10, 14}}})
for i, v in ipairs {{{64, 96}, {2, 3}}, {{96, 64}, {3, 2}}, {{70, 90}, {3, 4}},
                    {{608, 1024}, {9, 16}}} do
  for square = 0, 1 do
    eval(string.format("valid_mask.size%d_%d", i, square), function(door)
      return op.valid_mask {door.image_size, grid = v[2], image = v[1],
                            square = square}
    end, {batch = 5, buckets = {{v[1][1] + square, v[1][2]}}})
  end
end
for i, v in ipairs {{{2, 3, 5}, 8}, {{1, 1, 1}, 4}, {{3, 7, 9}, 36}} do
  eval("sine_position.size" .. i, function()
    return op.sine_position {op.greater {frozen(v[1]), -1.5}, channels = v[2]}
  end)
end
eval("sine_position.wide", function(door)
  local mask = op.valid_mask {door.image_size, grid = {9, 16}, image = {608, 1024}}
  return op.sine_position {mask, channels = 96}
end, {batch = 2, buckets = {{608, 1023}}})

-- Tables and losses.
for i, v in ipairs {{{7, 5}, {1, 1, 4}}, {{11, 16}, {2, 3, 5}}, {{7, 1}, {1, 2, 9}},
                    {{9, 33}, {3, 1, 1}}} do
  local size = {batch = v[2][1], sentences = v[2][2], tokens = v[2][3]}
  train("gather.size" .. i, function(door)
    return op.gather {live(v[1]), door.tokens}
  end, size)
end
train("gather.skip", function(door)
  return op.gather {live {7, 5}, door.tokens, skip = 2}
end, {sentences = 3, tokens = 7})
train("gather.fixed", function(door)
  return op.gather {fixed {7, 5}, door.tokens, skip = 0}
end, {sentences = 3, tokens = 7})
eval("scatter_add.sum", function(door)
  return op.scatter_add {frozen {1, 3, 7, 5}, door.tokens, rows = 8}
end, {sentences = 3, tokens = 7})
eval("scatter_add.skip", function(door)
  return op.scatter_add {frozen {1, 3, 7, 17}, door.tokens, rows = 9, skip = 1}
end, {sentences = 3, tokens = 7})
eval("pick_max.rank3", function()
  return op.pick_max {frozen {2, 3, 13}, frozen {2, 3, 13}}
end)
eval("pick_max.one", function() return op.pick_max {frozen {5, 1}, frozen {5, 1}} end)
eval("arg_max.rank2", function() return op.float {op.arg_max {frozen {7, 17}}} end)
eval("arg_max.vector", function() return op.float {op.arg_max {frozen {1, 33}}} end)
train("bce.plain", function() return op.bce {live {3, 5, 7}, frozen {3, 5, 7}} end)
train("bce.range", function() return op.bce {live({1031}, "w"), frozen {1031}} end)

for i, v in ipairs {{{3, 7}, 2}, {{1, 1}, 0}, {{2, 3, 31}, 1}, {{5, 9001}, 3}} do
  local dims, labels = v[1], {}
  for k = 1, #dims - 1 do labels[k] = dims[k] end
  train("cross_entropy.size" .. i, function()
    local label = op.floor {frozen(labels, "p") * (dims[#dims] / 4)} - v[2]
    return op.cross_entropy {live(dims), label}
  end)
end
train("cross_entropy.door", function(door)
  return op.cross_entropy {live {2, 3, 7}, door.itm_labels}
end, {batch = 2, sentences = 3})
train("cross_entropy.tied", function(door)   -- one table asks and answers
  local words = fixed {7, 5}
  local x = op.gather {words, door.itm_labels}:reshape {6, 5} * 0.2
  return op.cross_entropy {op.linear {x, words}, door.itm_labels:reshape {6}}
end, {batch = 2, sentences = 3})

-- What has no inputs, no gradient, or draws.
train("iota.add", function() return live {3, 17} + op.iota {count = 17} end)
eval("iota.alone", function() return op.iota {count = 5} * 1 end)
train("stop.half", function()
  local x = live {3, 5}
  return x + op.stop {x * x - x}
end)
train("uniform.mask", function()
  local u = op.uniform {site = "coin", dims = {5}}:reshape {5, 1}
  return live {5, 7} * op.greater {0.4, u} + u
end)
eval("uniform.many", function()
  return op.uniform {site = "many", dims = {3, 1031}}
end)
eval("equal.labels", function(door)
  local x = op.float {door.tokens}
  return op.equal {x, x:permute {3, 2, 1}}
end, {batch = 1, sentences = 3, tokens = 1})
eval("floor.range", function() return op.floor {frozen {769} * 100} end)

-- Numbers of 8 bits; each reader of such a value knows that it is stored so.
eval("half.range", function() return op.half {frozen {769}} end)
eval("half.relu", function() return op.relu {op.half {frozen {3, 5, 17}}} * 1 end)
eval("half.rows", function()
  return op.softmax {op.half {frozen {7, 33}}} + op.half {frozen {33}}
end)
eval("half.matmul", function()
  local a, b = op.half {frozen {5, 7, 17}}, op.half {frozen {5, 3, 17}}
  return op.matmul {a, b:permute {1, 3, 2}}
end)
eval("half.conv", function()
  return op.conv2d {op.half {frozen {2, 7, 5, 3}}, op.half {frozen {4, 3, 3, 3}}}
end)
eval("half.moves", function()
  local x = op.half {frozen {3, 5, 7}}
  return op.concat {x:slice(2, 1, 2), x:slice(2, 4, 2) * 2, dim = 3}
end)
eval("half.special", function(door)
  local x = op.max_pool {op.half {frozen {2, 5, 7, 3}}, kernel = 3, stride = 2}
  return x + op.gather {op.half {frozen {9, 3}}, door.tokens:slice(3, 1, 1)}
    :reshape {2, 1, 3, 3}
end, {batch = 2, sentences = 3, tokens = 2})
for _, count in ipairs {3, 60} do -- 60: more than a kernel holds
  eval("half.late" .. count, function()
    local x = op.half {frozen {9, 17}}
    local late = x
    for i = 1, count do late = late * (i % 2 == 0 and 0.5 or 2) end
    return op.softmax {op.matmul {x, frozen {17, 17}}} + late
  end)
end
train("half.weights", function()
  return op.linear {frozen {3, 7}, op.half {fixed {5, 7}}}
end)

-- Normalisations.
for i, dims in ipairs {{7}, {13, 17}, {2, 3, 5, 31}, {5, 1}, {3, 768}, {2, 2, 2, 16}} do
  train("softmax.size" .. i, function() return op.softmax {live(dims)} end)
end
train("softmax.bias", function()
  return op.softmax {live {2, 3, 5, 7} * 0.125 + frozen {2, 1, 1, 7}}
end)
train("softmax.dropout", function()
  return op.dropout {op.softmax {live {2, 3, 5, 7}}, p = 0.3, site = "probs"}
end)
-- Attention as models write it: a GPU has a kernel for it where numbers have 16
-- bits.  Scores stay small, for a softmax of large ones only picks.
local function attention(R, M, L, heads, side, p)
  local C, x = heads * side, live {R, L, heads * side}
  local function project(x, bias)
    local y = op.linear {x, fixed {C, C}, fixed({C}, "u", bias)}
    return y:reshape {R, x:dim(2), heads, side}:permute {1, 3, 2, 4}
  end
  local q = project(M == L and x or x:slice(2, 1, M))
  -- the keys' bias moves all scores of a query alike
  local k, v = project(x, {trainable = false}), project(x)
  local scores = op.matmul {q, k:permute {1, 2, 4, 3}} * 0.002
  local y = op.softmax {scores + frozen {R, 1, 1, L}}
  if p > 0 then y = op.dropout {y, p = p, site = "attention." .. L} end
  return op.matmul {y, v}:permute {1, 3, 2, 4}:reshape {R, M, C}
end
for i, t in ipairs {{2, 11, 11, 2, 16, 0}, {1, 37, 37, 1, 16, 0.3},
                    {2, 16, 16, 2, 32, 0.1}, {3, 1, 19, 1, 16, 0},
                    {1, 5, 33, 2, 16, 0.2}, {1, 1, 1, 1, 64, 0}} do
  train("attention.size" .. i, function() return attention(table.unpack(t)) end)
end
eval("attention.eval", function() return attention(2, 9, 9, 2, 16, 0) end)
for i, dims in ipairs {{13, 17}, {2, 3, 5}, {3, 768}, {1, 3}, {2, 3, 4, 16}} do
  local c = dims[#dims]
  train("layer_norm.size" .. i, function()
    return op.layer_norm {live(dims), fixed {c}, fixed {c}}
  end)
  train("layer_norm.live" .. i, function()
    return op.layer_norm {live(dims), live {c}, live {c}, eps = 1e-3}
  end)
end
train("layer_norm.residual", function()
  local x = op.dropout {live {3, 5, 17}, p = 0.2, site = "residual"}
  return op.layer_norm {x + live {3, 5, 17}, fixed {17}, fixed {17}}
end)
local function statistics(c)
  return state(case .. ".mean.u", {c}, init.zero), state(case .. ".var.p", {c}, init.one)
end
for i, dims in ipairs {{13, 17}, {2, 3, 5, 7}, {1, 5, 6, 16}, {3, 3, 1}, {701, 3}} do
  local c = dims[#dims]
  train("batch_norm.train" .. i, function()
    local mean, var = statistics(c)
    return op.batch_norm {live(dims), fixed {c}, fixed {c}, mean, var, train = 1}
  end)
  train("batch_norm.running" .. i, function()
    local mean, var = statistics(c)
    return op.batch_norm {live(dims), fixed {c}, live {c}, mean, var, train = 0}
  end)
end
train("batch_norm.momentum", function()
  local mean, var = statistics(5)
  return op.batch_norm {live {2, 3, 5}, live {5}, fixed {5}, mean, var,
                        train = 1, momentum = 0.3, eps = 0.01}
end)
train("batch_norm.copies", function()
  local mean, var = statistics(5)
  return op.batch_norm {live {2, 3, 5}, live {5}, fixed {5}, mean, var,
                        train = 1, copies = 4}
end)
train("batch_norm.conv", function()
  local mean, var = statistics(7)
  local y = op.conv2d {live {2, 5, 6, 3}, fixed {7, 3, 3, 3}, pad = 1}
  return op.relu {op.batch_norm {y, fixed {7}, fixed {7}, mean, var, train = 1}}
end)
train("batch_norm.frozen", function()
  local mean, var = statistics(7)
  local before = live {2, 5, 6, 7}
  local y = op.conv2d {live {2, 5, 6, 3}, fixed {7, 3, 3, 3}, pad = 1}
  y = op.batch_norm {y, fixed {7}, fixed {7}, mean, var, train = 0}
  return op.relu {y + before}
end)
eval("batch_norm.folded", function()
  local mean, var = statistics(7)
  local y = op.conv2d {frozen {2, 5, 6, 3}, fixed {7, 3, 3, 3}, pad = 1}
  y = op.batch_norm {y, fixed {7}, fixed {7}, mean, var, train = 0}
  return op.relu {y + frozen {2, 5, 6, 7}}
end)

-- What a phase writes.
train("store.state", function()
  local s, x = state(case .. ".s.u", {3, 5}, init.zero), live {3, 5}
  s = s:set(s * 0.9 + x * 0.1)
  return x * 2
end)
train("store.permuted", function()
  local s, x = state(case .. ".s.u", {5, 3}, init.zero), live {3, 5}
  s:set(x:permute {2, 1})
  return x + 1
end)
train("store.read", function()
  local s, x = state(case .. ".s.u", {3, 5}, init.zero), live {3, 5}
  local old = s * 1
  return x * s:set(s + 1) + old
end)

phase("update", {policy = "fixed", clip = 10, loss_scale = "off", groups = {
  {pattern = "*.u1", rule = "sgd", lr = 0.01, momentum = 0.9, decay = 1e-4},
  {pattern = "*", rule = "adamw", lr = 0.001, decay = 0.01},
}})
