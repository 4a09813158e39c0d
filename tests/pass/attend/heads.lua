-- Four attentions of 16-bit numbers: all rows ask, so one product gives queries,
-- keys and values; one row asks (after prune), so keys and values alone share
-- one; heads of 5 numbers do not fit into tiles, and values may be wider than
-- keys: those stay as they are.
config {batch = 2, sentences = 4, answers = 2, precision = "bf16"}
local function linear(name, x, n)
  return op.linear {x, param(name .. ".weight", {n, x:dim(3)}, init.one),
                    param(name .. ".bias", {n}, init.zero)}
end
local function attention(name, x, bias, heads, side, wide)
  wide = wide or side
  local function split(part, side)
    local y = linear(name .. part, x, heads * side)
    return y:reshape {2, 4, heads, side}:permute {1, 3, 2, 4}
  end
  local q, k, v = split(".q", side), split(".k", side), split(".v", wide)
  local p = op.softmax {op.matmul {q, k:permute {1, 2, 4, 3}} * 0.25 + bias}
  if training() then p = op.dropout {p, p = 0.1, site = name} end
  return op.matmul {p, v}:permute {1, 3, 2, 4}:reshape {2, 4, heads * wide}
end
phase("train", function(door)
  local x = linear("first", door.answers, 32)
  local bias = x:sum(3):reshape {2, 1, 1, 4}
  x = attention("all", x, bias, 2, 16)
  x = attention("odd", x, bias, 2, 5)
  x = attention("wide", x, bias, 1, 16, 32)
  x = attention("one", x, bias, 1, 32):slice(2, 1, 1)
  return {loss = x:sum(1, 3):reshape {}}
end)
