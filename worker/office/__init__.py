"""The admin's desk: requests, holds, explanations, drafts and exports. Acts only through the pipeline."""
