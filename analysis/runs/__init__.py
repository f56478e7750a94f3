"""Stored runs -> arrays. The only room that reads what results/ keeps."""
