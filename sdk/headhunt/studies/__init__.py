"""Studies that are kept where several workers share them: at a server, or in the home of this machine.

wire      what a server and its workers say to each other
remote    one study at a server, as the loop of trials needs it
shelves   all studies of a server, or of this machine, for the commands
calls     simple_fmin, create_study
command   a program as the objective: headhunt study worker
"""
