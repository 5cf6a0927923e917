"""What differs between the operator's database servers, behind one Protocol (`base.Database`)."""
