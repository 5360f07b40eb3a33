"""What the marker database says of a cluster: database, index, weights, likelihood. Pure; knows no verdict."""
