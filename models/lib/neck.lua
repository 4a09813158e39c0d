-- From the backbone's feature map to visual tokens.
local nn = use "nn"
local neck = {}

-- 2x2 max-pool and a 1x1 convolution with norm: [B,H,W,C] -> [B,h,w,hidden]
local function reduce(name, map, c)
  local x = op.max_pool {map, kernel = 2, stride = 2}
  x = nn.conv(name .. ".conv.conv", x, c.hidden, 1, 1)
  return nn.batch_norm(name .. ".conv.bn", x)
end

-- 1 where a cell of the grid lies on the picture -> f32 [B,h,w].  The official
-- code measures both axes by the height ("upstream"); "fixed" does not.
local function valid(x, door, c)
  return op.valid_mask {door.image_size, grid = {x:dim(2), x:dim(3)},
                        image = {door.image:dim(2), door.image:dim(3)},
                        square = c.compat == "upstream"}
end

-- Fine-tuning's neck, which has no visual dictionary.
-- map [B,H,W,C] -> visual tokens [B,V,hidden], valid [B,V]
function neck.plain(name, map, door, c)
  local x = reduce(name, map, c)
  local B, V = x:dim(1), x:dim(2) * x:dim(3)
  local mask = valid(x, door, c):named(name .. ".mask")
  x = x + op.sine_position {mask, channels = c.hidden}
  x = nn.layer_norm(name .. ".ln", x:reshape {B, V, c.hidden}, 1e-5)
  return x, mask:reshape {B, V}
end

return neck
