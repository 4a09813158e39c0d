-- ResNet 18 to 152 (He et al. 2015) with torchvision's layout and names.
local nn = use "nn"

local blocks = {[18] = {2, 2, 2, 2}, [34] = {3, 4, 6, 3}, [50] = {3, 4, 6, 3},
                [101] = {3, 4, 23, 3}, [152] = {3, 8, 36, 3}}

-- Where a residual block's last norm starts: at 0 the block is the identity.
local function last_norm(c) return c.zero_last and init.zero or init.one end

local function conv_norm(conv, norm, x, N, k, stride, frozen, start)
  local y = nn.conv(conv, x, N, k, stride, frozen)
  return nn.batch_norm(norm, y, frozen, start)
end

-- Two 3x3 convolutions, the first with the stride.  -> [B,h,w,width]
local function basic(name, x, width, stride, frozen, c)
  local y = conv_norm(name .. ".conv1", name .. ".bn1", x, width, 3, stride,
                      frozen)
  return conv_norm(name .. ".conv2", name .. ".bn2", op.relu {y}, width, 3, 1,
                   frozen, last_norm(c))
end

-- 1x1, 3x3 with the stride, 1x1 to four times the width.
local function bottleneck(name, x, width, stride, frozen, c)
  local y = conv_norm(name .. ".conv1", name .. ".bn1", x, width, 1, 1, frozen)
  y = conv_norm(name .. ".conv2", name .. ".bn2", op.relu {y}, width, 3,
                stride, frozen)
  return conv_norm(name .. ".conv3", name .. ".bn3", op.relu {y}, 4 * width, 1,
                   1, frozen, last_norm(c))
end

-- relu(x + body(x)); x is brought to the body's shape where they differ.
local function residual(body, name, x, width, stride, frozen, c)
  local y = body(name, x, width, stride, frozen, c)
  local N = y:dim(4)
  if stride ~= 1 or x:dim(4) ~= N then
    x = conv_norm(name .. ".downsample.0", name .. ".downsample.1", x, N, 1,
                  stride, frozen)
  end
  return op.relu {y + x}:named(name)
end

-- x [B,H,W,3] -> [B,h,w,C] of the last stage.  Stage 0 is conv1 and bn1; stages
-- up to c.frozen_stages (-1: none) keep their values and running statistics.
-- c.strides: of conv1, the max-pool and the four stages.
return function(name, x, c)
  local function frozen(stage) return stage <= c.frozen_stages end
  local body = c.depth < 50 and basic or bottleneck
  x = conv_norm(name .. ".conv1", name .. ".bn1", x, c.width[1], 7,
                c.strides[1], frozen(0))
  x = op.max_pool {op.relu {x}, kernel = 3, stride = c.strides[2], pad = 1}
  for stage, n in ipairs(blocks[c.depth]) do
    for i = 1, n do
      x = residual(body, name .. ".layer" .. stage .. "." .. i - 1, x,
                   c.width[stage], i == 1 and c.strides[stage + 2] or 1,
                   frozen(stage), c)
    end
  end
  return x
end
