-- Equal computations become one, also with operands the other way round.
config {batch = 1, sentences = 3, answers = 5}
phase("infer", function(door)
  local a, b = door.answers, param("b", {5}, init.one)
  return {y = (a + b) * (b + a), z = op.exp {a - b} + op.exp {a - b},
          w = (a - b) * (b - a)}
end)
