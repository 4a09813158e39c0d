-- SOHO's pre-training: pictures with sentences, of which words and cells are
-- hidden, and some belong to another picture.
local image, resnet, neck = use "image", use "resnet", use "neck"
local bert, heads, nn = use "bert", use "heads", use "nn"

-- Everything up to the transformer's last layer, and what the neck tells.
local function look(door, c)
  local x = image.normalise(door.image, door.image_size)      -- [B,H,W,3]
  local map = resnet("backbone", x, c)                        -- [B,h,w,C]
  local seen, mask, labels, embed, codes, health =
    neck.dictionary("neck", map, door, c)                     -- [R,V,C], [B,V]
  local h = bert("language.bert", door.tokens, door.token_mask, seen,
                 nn.each(mask, door.tokens:dim(2)), c)        -- [R,T+V,C]
  local T, V = door.tokens:dim(3), seen:dim(2)
  return {first = h:at(2, 1), text = h:slice(2, 1, T),
          cells = h:slice(2, T + 1, V), labels = labels, embed = embed,
          codes = codes, health = health}
end

local function words(c)
  return param("language.bert.embeddings.word_embeddings.weight",
               {c.vocab, c.hidden}, init.normal(nn.spread))
end

-- All three losses, how often each is right, and the dictionary's health.
local function losses(door, c)
  local y = look(door, c)
  local out = y.health
  out.loss_mlm, out.acc_l = heads.words(words(c), y.text, door.mlm_labels)
  out.loss_mvm, out.acc_v = heads.codes(y.embed, y.cells, y.labels)
  out.loss_match, out.acc_match = heads.match_loss(
    heads.match("head.match_class", y.first), door.itm_labels)
  out.loss = out.loss_mlm + out.loss_mvm + out.loss_match
  return out, y.codes
end

-- Makes phases train, eval and infer from the fields of config c.
return function(c)
  phase("train", function(door) return (losses(door, c)) end)

  phase("eval", function(door)
    local out, codes = losses(door, c)
    out.codes = codes
    return out
  end)

  -- What a picture's cells are, what stands at each place of the sentence, and
  -- how surely the two belong together.
  phase("infer", {batch = 1, sentences = 1}, function(door)
    local y = look(door, c)
    local n = door.tokens:dim(3)
    local z = op.linear {y.text:reshape {n, c.hidden}, words(c)}
    local match = op.softmax {heads.match("head.match_class", y.first)}
    return {codes = y.codes, words = op.arg_max {z}, match = match:at(2, 2)}
  end)
end
