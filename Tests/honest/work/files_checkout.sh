# A checkout (SOURCE) of many files: copied, read, built into others, cleaned, twice.
source=$1
for round in 1 2; do
  cp -r "$source" tree
  find tree -type f -print0 | xargs -0 cat | wc -c
  mkdir out
  (cd tree && find . -type f -name '*.txt' | while read -r file; do
    : "${file##*/}"
    read -r line <"$file" && echo "built $line" >"../out/${file##*/}.o"
  done)
  find out -type f | wc -l
  rm -rf tree out
done
