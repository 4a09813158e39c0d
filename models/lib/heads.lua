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

return heads
