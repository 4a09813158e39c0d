use "itself"
