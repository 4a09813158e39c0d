-- Layers with parameters.  Each takes the module's name first; parameters and
-- states carry the official names below it.  [..,C] means any leading axes.
local nn = {}

-- Standard deviation that matrices start with.  0.02 suits 768 inputs; a model
-- with fewer sets more, or its tokens hardly see each other at first.
nn.spread = 0.02

-- Starting value of a matrix [out,in]: the heads' by their inputs.
local function matrix_init(name, fan_in)
  local head = name:sub(1, 5) == "head."
  return init.normal(head and math.sqrt(2 / fan_in) or nn.spread)
end

-- x [..,K] -> [..,N]
function nn.linear(name, x, N)
  local K = x:dim(-1)
  local w = param(name .. ".weight", {N, K}, matrix_init(name, K))
  local b = param(name .. ".bias", {N}, init.zero)
  return op.linear {x, w, b}:named(name)
end

-- The same without bias.
function nn.project(name, x, N)
  local K = x:dim(-1)
  local w = param(name .. ".weight", {N, K}, matrix_init(name, K))
  return op.linear {x, w}:named(name)
end

-- x [B,H,W,C] -> [B,h,w,N]; kernel k x k, padded so that stride 1 keeps the
-- size of odd k.  t may say: dilation, groups, bias (true), frozen.
function nn.conv(name, x, N, k, stride, t)
  t = t or {}
  local groups, dilation = t.groups or 1, t.dilation or 1
  local free = {trainable = not t.frozen}
  local w = param(name .. ".weight", {N, x:dim(4) // groups, k, k},
                  init.normal(math.sqrt(2 / (N * k * k))), free)
  local y = op.conv2d {x, w, stride = stride, pad = k // 2 * dilation,
                       dilation = dilation, groups = groups}
  if t.bias then y = y + param(name .. ".bias", {N}, init.zero, free) end
  return y:named(name)
end

-- x [..,C]; statistics of the batch in training, running ones elsewhere.  t may
-- say: still (running ones in training, too), frozen (still, and w and b stay),
-- start of the weights, momentum, copies (op.batch_norm).
function nn.batch_norm(name, x, t)
  t = t or {}
  local C, free = {x:dim(-1)}, {trainable = not t.frozen}
  local w = param(name .. ".weight", C, t.start or init.one, free)
  local b = param(name .. ".bias", C, init.zero, free)
  local mean = state(name .. ".running_mean", C, init.zero)
  local var = state(name .. ".running_var", C, init.one)
  local train = training() and not t.frozen and not t.still
  return op.batch_norm {x, w, b, mean, var, eps = 1e-5, train = train,
                        momentum = t.momentum or 0.1,
                        copies = t.copies or 1}:named(name)
end

-- x [..,C] over the last axis
function nn.layer_norm(name, x, eps)
  local C = {x:dim(-1)}
  local w = param(name .. ".weight", C, init.one)
  local b = param(name .. ".bias", C, init.zero)
  return op.layer_norm {x, w, b, eps = eps}:named(name)
end

-- In training each element is 0 with probability p; `name` seeds the draw.
function nn.dropout(name, x, p)
  if not training() or p == 0 then return x end
  return op.dropout {x, p = p, site = name}:named(name)
end

-- indices i32 [..] -> rows [..,C] of a table; row 0 is padding: no gradient
function nn.embedding(name, index, rows, C)
  local table = param(name .. ".weight", {rows, C}, init.normal(nn.spread))
  return op.gather {table, index, skip = 0}:named(name)
end

-- x [B,...] -> [B*S,...]: S copies of each entry, one after the other
function nn.each(x, S)
  if S == 1 then return x end
  local one, many, flat = {x:dim(1), 1}, {x:dim(1), S}, {x:dim(1) * S}
  for i, n in ipairs(x:shape()) do
    if i > 1 then
      one[i + 1], many[i + 1], flat[i] = n, n, n
    end
  end
  return x:reshape(one):broadcast(many):reshape(flat)
end

-- Sum of all entries divided by n, as one number.
function nn.mean(x, n)
  return (x:sum(1, #x:shape()) * (1 / n)):reshape {}
end

return nn
