-- BERT (Devlin et al. 2018) over text and visual tokens, post-norm.
local nn = use "nn"

local eps = 1e-12

-- x [R,L,C] -> [R,heads,L,C/heads]
local function split(x, heads)
  local R, L, C = x:dim(1), x:dim(2), x:dim(3)
  return x:reshape {R, L, heads, C // heads}:permute {1, 3, 2, 4}
end

-- Every token looks at every valid one.  bias [R,1,1,L]
local function attention(name, x, bias, c)
  local q = split(nn.linear(name .. ".query", x, c.hidden), c.heads)
  local k = split(nn.linear(name .. ".key", x, c.hidden), c.heads)
  local v = split(nn.linear(name .. ".value", x, c.hidden), c.heads)
  local scale = 1 / math.sqrt(c.hidden // c.heads)
  local scores = op.matmul {q, k:permute {1, 2, 4, 3}} * scale + bias
  local p = nn.dropout(name .. ".dropout", op.softmax {scores}, c.dropout)
  local y = op.matmul {p, v}:permute {1, 3, 2, 4}
  return y:reshape(x:shape()):named(name)
end

-- norm(x + dropout(dense(y)))
local function add_norm(name, y, x, c)
  y = nn.linear(name .. ".dense", y, c.hidden)
  y = nn.dropout(name .. ".dropout", y, c.dropout)
  return nn.layer_norm(name .. ".LayerNorm", y + x, eps)
end

local function layer(name, x, bias, c)
  local y = attention(name .. ".attention.self", x, bias, c)
  x = add_norm(name .. ".attention.output", y, x, c)
  y = op.gelu {nn.linear(name .. ".intermediate.dense", x, c.inner)}
  return add_norm(name .. ".output", y, x, c)
end

-- tokens i32 [R,T] -> [R,T,C]: word + position + type of the first sentence
local function embed(name, tokens, c)
  local T, C = tokens:dim(2), c.hidden
  local words = nn.embedding(name .. ".word_embeddings", tokens, c.vocab, C)
  local place = param(name .. ".position_embeddings.weight",
                      {c.positions, C}, init.normal(nn.spread))
  local kind = param(name .. ".token_type_embeddings.weight", {2, C},
                     init.normal(nn.spread))
  local x = words + place:slice(1, 1, T) + kind:at(1, 1)
  x = nn.layer_norm(name .. ".LayerNorm", x, eps)
  return nn.dropout(name .. ".dropout", x, c.dropout)
end

-- tokens, token_mask i32 [B,S,T]; visual tokens seen [R,V,C] with mask [R,V],
-- R = B * S.  -> [R,T+V,C]
return function(name, tokens, token_mask, seen, mask, c)
  local B, S, T = tokens:dim(1), tokens:dim(2), tokens:dim(3)
  local R, L = B * S, T + seen:dim(2)
  local words = embed(name .. ".embeddings", tokens:reshape {R, T}, c)
  local x = op.concat {words, seen, dim = 2}
  local valid = op.concat {op.float {token_mask:reshape {R, T}}, mask, dim = 2}
  local bias = ((1 - valid) * -10000):reshape {R, 1, 1, L}
  for i = 1, c.layers do
    x = layer(name .. ".encoder.layer." .. i - 1, x, bias, c)
  end
  return x
end
