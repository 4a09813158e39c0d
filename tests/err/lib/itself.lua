return use "itself"
