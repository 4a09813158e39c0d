-- From the backbone's feature map to visual tokens.
local nn, vd = use "nn", use "vd"
local neck = {}

-- 2x2 max-pool and a 1x1 convolution with norm: [B,H,W,C] -> [B,h,w,hidden].
-- `copies`: pictures count so often in the norm's statistics.
local function reduce(name, map, c, copies)
  local x = op.max_pool {map, kernel = 2, stride = 2}
  x = nn.conv(name .. ".conv.conv", x, c.hidden, 1, 1)
  return nn.batch_norm(name .. ".conv.bn", x, {copies = copies})
end

-- 1 where a cell of the grid lies on the picture -> f32 [B,h,w].  The official
-- code measures both axes by the height ("upstream"); "fixed" does not.
local function valid(name, x, door, c)
  local mask = op.valid_mask {
    door.image_size, grid = {x:dim(2), x:dim(3)},
    image = {door.image:dim(2), door.image:dim(3)},
    square = c.compat == "upstream"}
  return mask:named(name .. ".mask")
end

-- Position and norm make cells [N,V,hidden] into tokens.
local function tokens(name, x, position)
  return nn.layer_norm(name .. ".ln", x + position, 1e-5)
end

local function position(mask, c)
  local B, V = mask:dim(1), mask:dim(2) * mask:dim(3)
  return op.sine_position {mask, channels = c.hidden}:reshape {B, V, c.hidden}
end

-- Fine-tuning's neck, which has no visual dictionary.
-- map [B,H,W,C] -> visual tokens [B,V,hidden], valid [B,V]
function neck.plain(name, map, door, c)
  local x = reduce(name, map, c)
  local B, V = x:dim(1), x:dim(2) * x:dim(3)
  local mask = valid(name, x, door, c)
  x = tokens(name, x:reshape {B, V, c.hidden}, position(mask, c))
  return x, mask:reshape {B, V}
end

-- Both ways to join entries of the dictionary with the features they stand for;
-- all [B,h,w,C].  "gate": two weights per cell, which add up to 1.
local function join(name, entries, features, c, copies)
  if c.join == "add" then return entries + features end
  local g = nn.conv(name .. ".gate_fc.conv",
                    op.concat {entries, features, dim = 4}, 2, 1, 1)
  g = op.softmax {nn.batch_norm(name .. ".gate_fc.bn", g, {copies = copies})}
  return entries * g:slice(4, 1, 1) + features * g:slice(4, 2, 1)
end

-- Masked visual modelling hides cells of a common kind: one cell is drawn for
-- the whole batch; a row with luck loses all valid cells of its picture that
-- have the drawn cell's code.  code, mask [B,V] -> 1 where hidden [R,V]
local function hide(name, code, mask, S, c)
  local B, V = code:dim(1), code:dim(2)
  local u = op.uniform {site = name .. ".mvm_cell", dims = {1}}
  local cell = op.minimum {op.floor {u * V}, V - 1}
  local here = op.equal {op.iota {count = V}, cell}
  local kind = (code * here):sum(2)                                  -- [B,1]
  local alike = op.equal {code, kind} * mask * (mask * here):sum(2)
  local luck = op.greater {c.mask_prob, op.uniform {
    site = name .. ".mvm_coin", dims = {B * S}}}
  return nn.each(alike, S) * luck:reshape {B * S, 1}
end

-- Pre-training's neck.  The official code repeats the map for each of the S
-- sentences first; here every picture is looked at once, which is the same.
-- -> visual tokens [R,V,hidden], valid [B,V], their codes where they are hidden
-- and -100 elsewhere [R,V], the dictionary, codes i32 [B,h,w], its health
function neck.dictionary(name, map, door, c)
  local S, C = door.tokens:dim(2), c.hidden
  local x = reduce(name, map, c, S)
  local B, h, w = x:dim(1), x:dim(2), x:dim(3)
  local V = h * w
  local q, code, embed, health =
    vd.lookup(name .. ".vq", x:reshape {B * V, C}, c, S)
  local entries = nn.linear(name .. ".pos_line", q, C):reshape(x:shape())
  x = join(name, entries, x, c, S):reshape {B, V, C}

  local mask = valid(name, entries, door, c)
  local code_at = op.float {code}:reshape {B, V}
  local hidden = hide(name, code_at, mask:reshape {B, V}, S, c)
  local labels = nn.each(code_at, S) * hidden - (1 - hidden) * 100
  labels = labels:named("mvm_labels")
  local m = hidden:reshape {B * S, V, 1}
  local blank = param(name .. ".mask_emb.weight", {1, C}, init.normal(1))
  x = nn.each(x, S) * (1 - m) + blank * m
  x = tokens(name, x, nn.each(position(mask, c), S))
  return x, mask:reshape {B, V}, labels, embed, code:reshape {B, h, w}, health
end

return neck
