-- What is asked of the transformer, and how its answers are judged.
local nn = use "nn"
local heads = {}

-- h [R,C], the first token of each row -> logits of the answers [R,A]
function heads.vqa(name, h, c)
  local y = op.relu {nn.linear(name .. ".0", h, 4 * h:dim(2))}
  y = nn.dropout(name .. ".2", y, c.head_dropout)
  return nn.linear(name .. ".3", y, c.answers)
end

-- Binary cross-entropy against soft targets [B,S,A], summed over the answers
-- of each row [R]; averaged over the rows it is the official mean over R * A,
-- times A.
function heads.row_bce(z, targets)
  local x = op.bce {z, targets:reshape(z:shape())}
  return x:sum(2):reshape {z:dim(1)}
end

function heads.bce(z, targets)
  return nn.mean(heads.row_bce(z, targets), z:dim(1))
end

-- The targets' value at each row's best answer [R].
function heads.row_score(z, targets)
  return op.pick_max {z, targets:reshape(z:shape())}
end

function heads.score(z, targets)
  return nn.mean(heads.row_score(z, targets), z:dim(1))
end

-- Cross-entropy of logits z [..,N] over the labels that are not negative, and
-- the percentage of them that have the highest logit.
local function masked(z, labels)
  local axes = #labels:shape()
  if tostring(labels):sub(1, 3) ~= "f32" then labels = op.float {labels} end
  local asked = op.greater {labels, -0.5}
  local count = asked:sum(1, axes)
  local right = op.equal {op.float {op.arg_max {z}}, labels} * asked
  local loss = op.cross_entropy {z, labels}:sum(1, axes) / (count + 1e-6)
  local share = right:sum(1, axes) * 100 / op.maximum {count, 1}
  return loss:reshape {}, share:reshape {}
end

-- Masked language modelling: which word stood here?  The table of words is the
-- input's own.  x [R,T,C], labels i32 [B,S,T] -> loss, accuracy
function heads.words(words, x, labels)
  local n = x:dim(1) * x:dim(2)
  local z = op.linear {x:reshape {n, x:dim(3)}, words}:named("mlm_logits")
  return masked(z, labels:reshape {n})
end

local function unit(x)
  local length = op.sqrt {(x * x):sum(2)}
  return x / op.maximum {length, 1e-12}
end

-- Masked visual modelling: which entry of the dictionary [K,C] stood here?  By
-- the cosine of the angle to each.  x [R,V,C], labels [R,V] -> loss, accuracy
function heads.codes(embed, x, labels)
  local n = x:dim(1) * x:dim(2)
  local z = op.matmul {unit(x:reshape {n, x:dim(3)}),
                       op.stop {unit(embed)}:permute {2, 1},
                       exact = 1}:named("mvm_logits")
  return masked(z, labels:reshape {n})
end

-- Does the sentence belong to the picture?  h [R,C] -> logits (no, yes) [R,2]
function heads.match(name, h)
  return nn.project(name, h, 2):named("match_logits")
end

-- Those logits against labels i32 [B,S] -> loss, accuracy
function heads.match_loss(z, labels)
  local R = z:dim(1)
  labels = op.float {labels:reshape {R}}
  local right = op.equal {op.float {op.arg_max {z}}, labels}
  return nn.mean(op.cross_entropy {z, labels}, R), nn.mean(right, R) * 100
end

return heads
