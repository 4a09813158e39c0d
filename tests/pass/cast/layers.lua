-- What products read is rounded for all of its readers, weights only for the
-- product; in training so is what the next layer is made of, and what a softmax
-- with dropout gives.  The last product, a norm and an exact product are not.
local c = config {batch = 2, sentences = 3, answers = 5, precision = "bf16"}
local function layers(door)
  local w = param("w", {7, 5}, init.one)
  local weight, bias = param("ln.weight", {7}, init.one), param("ln.bias", {7}, init.zero)
  local x = op.relu {op.linear {door.answers, w, bias}}
  local y = op.layer_norm {x + door.answers:sum(3), weight, bias}
  local p = op.softmax {op.matmul {y, y:permute {1, 3, 2}}}
  if training() then p = op.dropout {p, p = 0.5, site = "p"} end
  local z = op.matmul {p, y}
  return z + op.matmul {z:reshape {6, 7}, param("embed", {7, 7}, init.one),
                        exact = 1}:reshape {2, 3, 7}
end
phase("train", function(door) return {loss = layers(door):sum(1, 3):reshape {}} end)
phase("eval", function(door) return {prob = layers(door)} end)
phase("update", {policy = "fixed", groups = {{pattern = "*", rule = "sgd", lr = 1}}})
