"""`python -m bulkdl`: the whole system on one machine, a private server for each thing that is not given.

`start` composes and runs it · `home` is the data folder · `servers` are the private servers ·
`supervisor` runs the Procfile · `sample` and `painting` make the media library · `library` loads it ·
`demo` says what its project is called.
"""
