-- SOHO for visual question answering: the whole network, and the phases that
-- train it, measure it and ask it.
local image, resnet, neck = use "image", use "resnet", use "neck"
local bert, heads, nn = use "bert", use "heads", use "nn"

-- What a batch's questions about its pictures are answered, and which cells of
-- the grid are looked at.  -> logits [R,A], mask [R,V]
local function answer(door, c)
  local x = image.normalise(door.image, door.image_size)      -- [B,H,W,3]
  local map = resnet("backbone", x, c)                        -- [B,h,w,C]
  local seen, mask = neck.plain("neck", map, door, c)         -- [B,V,C], [B,V]
  local S = door.tokens:dim(2)
  seen, mask = nn.each(seen, S), nn.each(mask, S)             -- R = B * S rows
  local h = bert("language.bert", door.tokens, door.token_mask, seen, mask, c)
  -- row 1 of dimension 2 is [CLS]
  return heads.vqa("head.vqa", h:at(2, 1), c), mask
end

-- Makes phases train, eval and infer from the fields of config c.
return function(c)
  phase("train", function(door)             -- the compiler makes the backward
    local z = answer(door, c)
    local loss = heads.bce(z, door.answers)
    return {logits = z, loss = loss, loss_cls = loss,
            score = heads.score(z, door.answers)}
  end)

  phase("eval", function(door)
    local z = answer(door, c)
    return {logits = z, loss = heads.bce(z, door.answers),
            score = heads.score(z, door.answers),
            row_loss = heads.row_bce(z, door.answers),
            row_score = heads.row_score(z, door.answers),
            answer = op.arg_max {z}}
  end)

  phase("infer", {batch = 1, sentences = 1}, function(door)
    local z, mask = answer(door, c)
    return {logits = z, prob = op.sigmoid {z}, mask = mask}
  end)
end
