"""How many bits a fit takes."""
