#!/bin/sh
# Shows what curl gets, byte for byte. Arguments are the steps to take: `all`, which it does without
# any, and `miss`. It reads OPENAI_BASE_URL and OPENAI_API_KEY.
set -eu

send() { # send PATH [FLAG…]
    path=$1
    shift
    printf '== %s\n' "$path"
    curl --silent --show-error --no-buffer --max-time 60 --header "Authorization: Bearer $OPENAI_API_KEY" \
        --header 'Content-Type: application/json' --write-out '\n-- %{http_code} %{content_type}\n' "$@" \
        "$OPENAI_BASE_URL/$path" || echo "curl: exit code $?"
}

chat() { # chat TEXT [JSON-MEMBERS [FLAG…]]
    text=$1 more=${2:-}
    shift $(($# < 2 ? $# : 2))
    send chat/completions "$@" \
        --data "{\"model\": \"author/small\", $more \"messages\": [{\"role\": \"user\", \"content\": \"$text\"}]}"
}

miss() {
    chat 'Say what nobody has recorded.' '' --retry 2
}

all() {
    chat 'Say hello.'
    for _ in 1 2 3; do chat 'Draw a number.' '"temperature": 1,'; done
    chat 'Count to three.' '"stream": true,'
    chat 'What is the weather in Oslo?' '"tools": [{"type": "function", "function": {"name": "get_weather"}}],'
    chat 'Who wrote Solaris?' '"response_format": {"type": "json_object"},'
    send embeddings --data '{"model": "author/vectors", "input": ["sea", "sky"]}'
    send embeddings --data '{"model": "author/vectors", "input": ["sea", "sky"], "encoding_format": "base64"}'
    send models
    send responses --data '{"model": "author/small", "input": "Respond.", "stream": true}'
    chat 'Compress it.' '' --compressed
    for text in 'Say hello.' 'Count to three.'; do
        chat "$text" '"stream": true,' --http2-prior-knowledge --write-out '\n-- HTTP/%{http_version}\n'
    done
    chat 'Be busy once.' '' --fail --retry 2
    chat 'Be wrong.'
    chat 'Break in the middle.' '"stream": true,'
    chat 'Hang up in the middle.' '"stream": true,'
}

for step in "${@:-all}"; do "$step"; done
