/^[#!]/ || $0 == "" { next }
{
  sub(/ *#.*/, "")
  count = split($0, word, / +/)
  blocks = word[1] ~ /^(0\.0\.0\.0|127\.[0-9.]+|::1?)$/
  wrong = count == 1
  for (i = 2; i <= count; i++) {
    if (tolower(word[i]) in machine) continue
    if (blocks && is_name(word[i])) take(word[i])
    else wrong = 1
  }
  bad += wrong
}
