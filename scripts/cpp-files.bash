# For scripts/format, scripts/check-format and scripts/tidy: which files are ours, and which clang-format to ask.
# To be sourced from the top of the project.

# Our C++ files, each followed by a NUL: what git tracks or would track. A new file counts before it is added; what
# .gitignore leaves out does not. An unpacked release without git has only the folders to go by.
list_cpp_files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    # A file that was deleted but not yet committed is still listed: leave it out.
    git ls-files -z --cached --others --exclude-standard --deduplicate -- '*.cpp' '*.hpp' |
      while IFS= read -r -d '' file; do
        if [[ -f $file ]]; then printf '%s\0' "$file"; fi
      done
  else
    local folders=()
    for folder in include src cli examples python bench fuzz tests; do
      if [[ -d $folder ]]; then folders+=("$folder"); fi
    done
    find "${folders[@]}" \( -name '*.cpp' -o -name '*.hpp' \) -print0
  fi
}

# Prints the clang-format to use: Debian 12's major version where there are several, because versions differ in detail
# and everybody must agree.
find_clang_format() {
  command -v clang-format-14 || command -v clang-format
}
