-- A value of a state that the phase writes is not decided before it.
config {batch = 1}
phase("infer", function(door)
  local s, t = state("s", {2}, init.zero), state("t", {2}, init.one)
  local x = op.float {door.image_size}:reshape {2}
  s:set(s * 2 + x)
  return {y = op.exp {t} * x, z = op.exp {s} * x}
end)
