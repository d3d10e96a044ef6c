locals { blob_days = 60 }
