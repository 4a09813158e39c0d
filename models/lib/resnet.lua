-- ResNet 18 to 152 (He et al. 2015) with torchvision's layout and names, and
-- what grew out of it: ResNeXt, dilated, V1d and SE networks.
local nn = use "nn"

local blocks = {[18] = {2, 2, 2, 2}, [34] = {3, 4, 6, 3}, [50] = {3, 4, 6, 3},
                [101] = {3, 4, 23, 3}, [152] = {3, 8, 36, 3}}

local function check(good, ...)
  if not good then error("resnet: " .. string.format(...), 3) end
end

local function check_config(c)
  check(blocks[c.depth], "depth is 18, 34, 50, 101 or 152, not %d", c.depth)
  check(c.depth >= 50 or c.groups == 1 and c.width_per_group == 64,
        "depth %d has no groups: 50, 101 and 152 have", c.depth)
  check(#c.width == 4, "width: 4 stages, not %d", #c.width)
  check(#c.dilations == 4, "dilations: 4 stages, not %d", #c.dilations)
  check(#c.strides == 6, "strides: conv1, max-pool and 4 stages, not %d",
        #c.strides)
end

-- Convolution k x k and norm, as one call.  How a block makes them: `frozen`
-- keeps all its values, norm_eval its running statistics, which otherwise move
-- once a batch, or `twice`.
local function layer(frozen, c, twice)
  return function(conv, norm, x, N, k, t)
    t = t or {}
    local y = nn.conv(conv, x, N, k, t.stride or 1,
                      {dilation = t.dilation, groups = t.groups,
                       frozen = frozen})
    return nn.batch_norm(norm, y, {start = t.start, frozen = frozen,
                                   still = c.norm_eval,
                                   momentum = twice and 1 - 0.9 ^ 2})
  end
end

-- Where a residual block's last norm starts: at 0 the block is the identity.
local function last_norm(c) return c.zero_last and init.zero or init.one end

-- Two 3x3 convolutions, the first with the block's stride and dilation.
-- -> [B,h,w,width]
local function basic(name, x, b, c)
  local y = b.layer(name .. ".conv1", name .. ".bn1", x, b.width, 3,
                    {stride = b.stride, dilation = b.dilation})
  return b.layer(name .. ".conv2", name .. ".bn2", op.relu {y}, b.width, 3,
                 {start = last_norm(c)})
end

-- 1x1, 3x3 in groups, 1x1 to four times the width.  The stride is the 3x3's,
-- in caffe's style the first 1x1's.
local function bottleneck(name, x, b, c)
  local inner = b.width * c.width_per_group // 64 * c.groups
  local early = c.style == "caffe"
  local y = b.layer(name .. ".conv1", name .. ".bn1", x, inner, 1,
                    {stride = early and b.stride})
  y = b.layer(name .. ".conv2", name .. ".bn2", op.relu {y}, inner, 3,
              {stride = not early and b.stride, dilation = b.dilation,
               groups = c.groups})
  return b.layer(name .. ".conv3", name .. ".bn3", op.relu {y}, 4 * b.width, 1,
                 {start = last_norm(c)})
end

-- Squeeze and excitation (Hu et al. 2018): each channel times a number of 0..1
-- that the picture's means decide.
local function excite(name, x, b, c)
  local N, n = x:dim(4), x:dim(2) * x:dim(3)
  local t = {frozen = b.frozen, bias = true}
  local y = x:sum(2, 2) * (1 / n)                             -- [B,1,1,N]
  y = nn.conv(name .. ".conv1.conv", y, N // c.se_ratio, 1, 1, t)
  y = nn.conv(name .. ".conv2.conv", op.relu {y}, N, 1, 1, t)
  return x * op.sigmoid {y}
end

-- Means of 2x2 cells; where a side is odd, the last cells are cut in half.
local function average(x)
  for dim = 2, 3 do
    if x:dim(dim) % 2 == 1 then
      x = op.concat {x, x:slice(dim, x:dim(dim), 1), dim = dim}
    end
  end
  local B, h, w, C = x:dim(1), x:dim(2) // 2, x:dim(3) // 2, x:dim(4)
  x = x:reshape {B, h, 2, w, 2, C}
  return (x:sum(3):sum(5) * 0.25):reshape {B, h, w, C}
end

-- x brought to N channels and the block's stride by a 1x1 convolution, which
-- takes every other cell, or the means of cells (avg_down).
local function shortcut(name, x, N, b, c)
  local stride, first = b.stride, 0
  if c.avg_down and stride ~= 1 then
    check(stride == 2, "avg_down: strides of stages are 1 or 2, not %d", stride)
    x, stride, first = average(x), 1, 1
  end
  return b.layer(name .. "." .. first, name .. "." .. first + 1, x, N, 1,
                 {stride = stride})
end

-- relu(x + body(x)); x is brought to the body's shape where they differ.
local function residual(body, name, x, b, c)
  local y = body(name, x, b, c)
  local N = y:dim(4)
  if c.se_ratio > 0 then y = excite(name .. ".se_layer", y, b, c) end
  if b.stride ~= 1 or x:dim(4) ~= N then
    x = shortcut(name .. ".downsample", x, N, b, c)
  end
  return op.relu {y + x}:named(name)
end

-- [B,H,W,3] -> [B,h,w,width]: 7x7, or three 3x3 (deep_stem).
local function stem(name, x, unit, c)
  local N, stride = c.width[1], c.strides[1]
  if not c.deep_stem then
    return op.relu {unit(name .. ".conv1", name .. ".bn1", x, N, 7,
                         {stride = stride})}
  end
  for i = 0, 2 do
    local part = name .. ".stem." .. i
    x = op.relu {unit(part .. ".conv", part .. ".bn", x,
                      i < 2 and N // 2 or N, 3, {stride = i == 0 and stride})}
  end
  return x
end

-- The official code computes a checkpointed block again for its gradient, and
-- its statistics move again.  It does not do so where the input, made by frozen
-- stages alone, needs no gradient.
local function computed_twice(stage, i, c)
  return c.checkpointed and c.compat == "upstream" and
    (stage > c.frozen_stages + 1 or stage == c.frozen_stages + 1 and i > 1)
end

-- x [B,H,W,3] -> [B,h,w,C] of the last stage.  Stage 0 is the stem; stages up
-- to c.frozen_stages (-1: none) keep their values and running statistics.
-- models/README.md lists the fields of c.
return function(name, x, c)
  local function frozen(stage) return stage <= c.frozen_stages end
  local body, dilation = c.depth < 50 and basic or bottleneck, 1
  check_config(c)
  x = stem(name, x, layer(frozen(0), c), c)
  x = op.max_pool {x, kernel = 3, stride = c.strides[2], pad = 1}
  for stage, n in ipairs(blocks[c.depth]) do
    local b = {width = c.width[stage], frozen = frozen(stage)}
    for i = 1, n do
      b.layer = layer(b.frozen, c, computed_twice(stage, i, c))
      b.stride = i == 1 and c.strides[stage + 2] or 1
      if i > 1 or not c.late_dilation then dilation = c.dilations[stage] end
      b.dilation = dilation
      x = residual(body, name .. ".layer" .. stage .. "." .. i - 1, x, b, c)
    end
  end
  return x
end
