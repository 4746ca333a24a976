# A server of tmux with two windows: what is typed, what stands on the screen, and its end.
unset TMUX
export TERM=xterm SHELL=/bin/sh
tmux="tmux -S ${TMPDIR:-.}/t -f /dev/null"
$tmux new-session -d -s work -x 100 -y 24 'exec sh'
$tmux send-keys -t work 'PS1="$ "; stty size' Enter 'echo pears | sort; tmux wait-for -S first' Enter
$tmux wait-for first
# What was written to the terminal comes to the screen in its own time.
for again in $(seq 1 100); do
  if $tmux capture-pane -p -t work | grep -q 'pears$'; then break; fi
  sleep 0.1
done
$tmux capture-pane -p -t work | grep -oE '^24 .*|pears$'
$tmux new-window -t work 'sh -c "echo second window; sleep 300"'
$tmux split-window -t work 'sleep 300'
$tmux list-panes -s -t work | wc -l
$tmux resize-window -t work -x 60 -y 20
$tmux display-message -p -t work '#{window_width}x#{window_height}'
$tmux kill-server
for again in $(seq 1 100); do
  if ! $tmux list-sessions >/dev/null 2>&1; then break; fi
  sleep 0.1
done
$tmux list-sessions >/dev/null 2>&1 || echo the server has ended
